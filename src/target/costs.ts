/**
 * What memory a machine has near and what work takes on it: the only numbers of the kind, read through the functions of
 * `kernels/contract/cost.ts` or as they are. Times are nanoseconds of one core.
 *
 * Where a quantity has several numbers, each was measured for the kernels that are named, whose surroundings differ:
 * loads, loops and borders are in it. To make two of them one changes which kernels and cuts are chosen, and is a
 * change to be measured.
 */

/** Bytes. Nominal for the kind of machine: no processor is asked. */
export interface Caches {
  /** Of a core, for data. */
  readonly l1: number;
  readonly l2: number;
  /** Shared by the cores. */
  readonly l3: number;
}

export interface Costs {
  /** Of one instruction on a vector of any width, but for `scalar`. */
  readonly multiplyAdd: {
    /** With its operands in registers or the first cache: cuts of few samples (`kernels/contract/shares.ts`). */
    readonly peak: number;
    /** On a band of pixels in the second cache: cuts of weight gradients. */
    readonly banded: number;
    /** In a tile of a convolution, direct or by Winograd, all in all. */
    readonly tiled: number;
    /** In an outer product or a linear layer, all in all: weight gradients, linear layers. */
    readonly outer: number;
    /** With an operand from a cache, often across two of its lines: the input gradient in front of a max pool. */
    readonly shifted: number;
    /** The same for the weight gradient. */
    readonly shiftedWeights: number;
    /** Of one number, with its operands looked for: the general kernels. */
    readonly scalar: number;
  };
  /** Of one multiply-add of numbers in simple vector code: pools, losses, sums. */
  readonly element: number;
  /** Of a byte that goes through a core, from or to ... */
  readonly byte: {
    /**
     * a cache that cores share, or memory in the order of its addresses: weights and input of a piece of a direct
     * convolution.
     */
    readonly shared: number;
    /** the same: weights of a piece of a convolution by Winograd. */
    readonly sharedWeights: number;
    /** memory, in passes over large values: cuts of weight gradients. */
    readonly memory: number;
    /** memory, all in all: kernels that move more than they compute, and packed weights. */
    readonly moved: number;
  };
  /** To store a vector of a result. */
  readonly store: number;
  /** To transform a vector of a tile for Winograd's convolutions, on either side. */
  readonly transform: number;
  /** To begin a piece of work. */
  readonly piece: number;
  /** To begin a step on one core, and to have one more among threads, with its barrier. */
  readonly step: { readonly alone: number; readonly barrier: number };
  /**
   * In the kernels of Winograd's convolutions, a sample: a thousand more instructions are compiled, which small layers
   * repay late.
   */
  readonly encoding: number;
  /** What a planned step does in a nanosecond, all in all: bytes as `byte.moved` has them. */
  readonly rate: { readonly multiplyAdds: number; readonly bytes: number };
  /**
   * How many times as long float64 in plain JavaScript takes: an element of an array is checked, converted and packed.
   */
  readonly reference: number;
  readonly tile: TileCosts;
  /** Multiply-add instructions of a kernel, at most. */
  readonly largestKernel: { readonly direct: number; readonly weightGradient: number };
  readonly threads: ThreadCosts;
}

/** What a step of the reduction of a register tile takes, counted in multiply-adds (`kernels/language/tile.ts`). */
export interface TileCosts {
  /** Loads in the time of a multiply-add. */
  readonly loads: number;
  /** Multiply-adds that it takes at least: their results are waited for. */
  readonly least: number;
  /** Added for each operand. */
  readonly operand: number;
  /** Whether a tile that is not full takes about as long as one that is, as measured where registers are few. */
  readonly isPaidWhole: boolean;
}

/** When threads are worth their telling. */
export interface ThreadCosts {
  /**
   * Programs planned below this run on the caller's thread: to wake a worker and resolve a promise takes about a third
   * of it.
   */
  readonly onCaller: number;
  /** Programs planned below this the caller shares with the team: about two milliseconds on two threads. */
  readonly shared: number;
  readonly looks: Looks;
  /** Where there are more threads than cores: who looks keeps another from working. */
  readonly crowdedLooks: Looks;
}

/**
 * How many times a thread looks at a flag before it sleeps: `most`, and down to `least` after waits that have ended
 * asleep.
 */
export interface Looks {
  readonly most: number;
  readonly least: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** As cores of servers have them. */
export const CACHES: Caches = { l1: 32 * KIB, l2: MIB, l3: 32 * MIB };

/** Measured with AVX-512 on x86-64, and taken for the other targets until they are measured. */
export const COSTS: Costs = {
  multiplyAdd: {
    peak: 0.27,
    banded: 0.3,
    tiled: 0.35,
    outer: 0.4,
    shifted: 0.5,
    shiftedWeights: 0.55,
    scalar: 1,
  },
  element: 0.25,
  byte: { shared: 0.015, sharedWeights: 0.02, memory: 0.08, moved: 0.1 },
  store: 1.5,
  transform: 50,
  piece: 100,
  step: { alone: 300, barrier: 5_000 },
  encoding: 4_000,
  rate: { multiplyAdds: 60, bytes: 10 },
  reference: 50,
  tile: { loads: 2, least: 8, operand: 0.15, isPaidWhole: false },
  largestKernel: { direct: 12_000, weightGradient: 16_000 },
  threads: {
    onCaller: 300_000,
    shared: 6_000_000,
    looks: { most: 20_000, least: 1_000 }, // about 30 microseconds, and 2
    crowdedLooks: { most: 50, least: 50 },
  },
};
