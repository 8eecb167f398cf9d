/** The buffer of each value of an entry, made when it is first asked for. */
import type { Value } from "../graph/graph.js";
import type { Signature } from "../graph/shape.js";
import type { Buffer } from "../kernels/contract/emitter.js";
import { type Layout, layoutOf, valueBytes } from "../kernels/contract/layout.js";
import type { Target } from "../target/target.js";
import type { Live } from "./live.js";
import type { Places } from "./places.js";
import type { Place, Port, Region } from "./program.js";

export class ValueBuffers {
  readonly target: Target;
  readonly places: Places;
  readonly live: Live;
  readonly #buffers = new Map<Value, Buffer>();
  readonly #maxima = new Map<Value, Buffer>();

  constructor(target: Target, places: Places, live: Live) {
    this.target = target;
    this.places = places;
    this.live = live;
  }

  layout(value: Signature): Layout {
    return layoutOf(value, this.target);
  }

  /** Undefined where the value has none yet. */
  known(value: Value): Buffer | undefined {
    return this.#buffers.get(value);
  }

  of(value: Value): Buffer {
    const known = this.#buffers.get(value);
    if (known !== undefined) return known;
    const buffer = this.make(`${value.path || value.op.name} ${value.op.name}`, value);
    if (this.live.isStatic(value)) this.places.home(buffer, "prepared");
    this.set(value, buffer);
    return buffer;
  }

  /** Lets a value lie in a buffer. */
  set(value: Value, buffer: Buffer): void {
    this.#buffers.set(value, buffer);
  }

  /** A buffer that can hold the value. */
  make(label: string, value: Signature): Buffer {
    return this.places.make(label, valueBytes(this.layout(value)));
  }

  /** Where the maxima of a pool of `image` were. */
  ofMaxima(image: Value, pool: Signature): Buffer {
    let buffer = this.#maxima.get(image);
    if (buffer === undefined) {
      buffer = this.make(`${image.path} places of maxima`, pool);
      this.#maxima.set(image, buffer);
    }
    return buffer;
  }

  /** Puts a buffer behind what lies in a region. */
  home(buffer: Buffer, region: Region): Place {
    this.places.home(buffer, region);
    return this.places.place(buffer);
  }

  /** A value that comes from outside or goes there, with a buffer of its own in a region. */
  port(name: string, value: Signature, region: Region): Port & { readonly buffer: Buffer } {
    const buffer = this.make(name, value);
    return { name, layout: this.layout(value), place: this.home(buffer, region), buffer };
  }
}
