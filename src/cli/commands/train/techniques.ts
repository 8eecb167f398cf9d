/** The flags of `fovea train` that say what it does besides following the slope, and the lines that tell of it. */
import { OptionError } from "../../../base/errors.js";
import type { TrainingConfig } from "../../../run/config.js";
import {
  type ParameterGroup,
  type TrainingTechniques,
  type Watch,
  type WeightAveraging,
  watchName,
} from "../../../train/techniques/techniques.js";
import { numberOf } from "../../options/arguments.js";
import { showCount } from "../../terminal/progress.js";

export interface TechniqueFlags {
  readonly group?: readonly ParameterGroup[];
  /** --no-decay: true where it is not given. */
  readonly decay?: true | "norms-and-biases";
  readonly freeze?: readonly string[];
  readonly frozenNorms?: "running" | "batch";
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly accumulate?: number;
  readonly ema?: number;
  readonly emaWarmup?: boolean;
  readonly lookahead?: number;
  readonly lookaheadDecay?: number;
  readonly lookaheadRamp?: number;
  readonly labelSmoothing?: number;
  readonly mixup?: number;
  readonly patience?: number;
  readonly watch?: Watch;
}

/** `bias$:lr=64,decay=0`: a pattern, which may have colons of its own, and what holds for parameters that it matches. */
export function groupOf(text: string, before: readonly ParameterGroup[] = []): readonly ParameterGroup[] {
  const wrong = (why: string) =>
    new OptionError(
      `--group ${text}: ${why}; expected PATTERN:lr=FACTOR,decay=NUMBER (either or both), such as 'bias$:lr=64,decay=0'`,
    );
  const [, match, settings] = /^(.+):([^:]*)$/.exec(text) ?? [];
  if (match === undefined || settings === undefined) throw wrong("there is no pattern, or no settings behind a colon");
  const found: Record<string, number> = {};
  for (const setting of settings.split(",")) {
    const [, key, value] = /^(lr|decay)=(.+)$/.exec(setting) ?? [];
    if (key === undefined || value === undefined) throw wrong(`"${setting}" is no setting`);
    if (key in found) throw wrong(`${key} is set twice`);
    found[key] = numberOf(`--group ${match}: ${key}`)(value);
  }
  const { lr, decay } = found;
  return [...before, { match, ...(lr !== undefined && { lr }), ...(decay !== undefined && { weightDecay: decay }) }];
}

/** What the flags say, and nothing that they do not. */
export function techniquesOf(flags: TechniqueFlags): TrainingTechniques {
  const { group, decay, freeze, frozenNorms, clipNorm, clipValue, accumulate, labelSmoothing, mixup, patience, watch } =
    flags;
  const average = averagingOf(flags);
  const noDecay = decay === true ? undefined : decay;
  const all = {
    groups: group,
    noDecay,
    freeze,
    frozenNorms,
    clipNorm,
    clipValue,
    accumulate,
    average,
    labelSmoothing,
    mixup,
    patience,
    watch,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function averagingOf(flags: TechniqueFlags): WeightAveraging | undefined {
  const { ema, emaWarmup, lookahead, lookaheadDecay, lookaheadRamp } = flags;
  if (ema !== undefined && lookahead !== undefined) throw new OptionError("--ema and --lookahead: choose one of them");
  if (ema === undefined && emaWarmup)
    throw new OptionError("--ema-warmup: is of --ema; give its decay, such as --ema 0.999");
  if (lookahead === undefined && (lookaheadDecay ?? lookaheadRamp) !== undefined) {
    throw new OptionError("--lookahead-decay and --lookahead-ramp: are of --lookahead; give it, such as --lookahead 5");
  }
  if (ema !== undefined) return { kind: "ema", decay: ema, ...(emaWarmup && { warmup: true }) };
  if (lookahead === undefined) return undefined;
  return {
    kind: "lookahead",
    every: lookahead,
    ...(lookaheadDecay !== undefined && { decay: lookaheadDecay }),
    ...(lookaheadRamp !== undefined && { ramp: lookaheadRamp }),
  };
}

/** Names and values for the head of a run, of what is on. `frozen` is how many numbers are not trained, of `parameters`. */
export function techniqueRows(config: TrainingConfig, parameters: number, frozen: number): [string, string][] {
  const {
    groups = [],
    noDecay,
    freeze = [],
    frozenNorms,
    clipNorm,
    clipValue,
    average,
    labelSmoothing,
    mixup,
    patience,
    watch,
  } = config;
  const rows: [string, string | undefined][] = [
    ["groups", groups.map(groupText).join("; ") || undefined],
    ["no decay", noDecay?.replaceAll("-", " ")],
    [
      "frozen",
      frozen === 0
        ? undefined
        : `${showCount(frozen)} of ${showCount(parameters)} parameters${freeze.length > 0 ? ` (${freeze.join(", ")})` : ""}` +
          `${frozenNorms === "batch" ? ", batch norms with the batch's statistics" : ""}`,
    ],
    [
      "clipping",
      clipNorm !== undefined
        ? `to norm ${clipNorm}`
        : clipValue !== undefined
          ? `to values of ${clipValue}`
          : undefined,
    ],
    ["averaging", average && averagingText(average)],
    ["smoothing", labelSmoothing === undefined ? undefined : `labels by ${labelSmoothing}`],
    ["mixup", mixup === undefined ? undefined : `shares from Beta(${mixup}, ${mixup})`],
    [
      "patience",
      patience === undefined
        ? undefined
        : `${patience} ${patience === 1 ? "epoch" : "epochs"} without a better test ${watchName(watch)}`,
    ],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

function groupText({ match, lr, weightDecay }: ParameterGroup): string {
  const settings = [
    ...(lr === undefined ? [] : [`rate x ${lr}`]),
    ...(weightDecay === undefined ? [] : [`weight decay ${weightDecay}`]),
  ];
  return `${match} ${settings.join(", ")}`;
}

function averagingText(average: WeightAveraging): string {
  if (average.kind === "ema") return `moving, decay ${average.decay}${average.warmup ? " after a warm-up" : ""}`;
  const { every, decay = 0.5, ramp = 0 } = average;
  return `lookahead after every ${every} updates, decay ${decay}${ramp > 0 ? ` x progress^${ramp}` : ""}`;
}
