/**
 * Pictures whose turn has not come. While few wait they are copied, so that the caller may go on to change his at once.
 * Copies of thousands would be gigabytes: from some megabytes on the caller's own is read when its turn comes, and is
 * refused if it was changed meanwhile.
 */
import { OptionError } from "../base/errors.js";

/**
 * Height x width x channels numbers, channels last. Bytes (0 to 255) are scaled as the training pictures were; any
 * other numbers go into the network as they are. A picture smaller by the same few pixels on all sides, such as 28x28
 * for a network of 32x32, is put on a border of background.
 */
export type Picture = Float32Array | readonly number[] | Uint8Array | Uint8ClampedArray;

const isBytes = (image: PlainPicture): image is Uint8Array => image instanceof Uint8Array;

function plain(image: Picture): PlainPicture {
  if (!(image instanceof Uint8ClampedArray)) return image;
  return new Uint8Array(image.buffer, image.byteOffset, image.length);
}

/** Bytes of copies. */
const MOST_COPIED = 2 ** 24;
/** Numbers of a picture, spread over it, by which a change is noticed. */
const COMPARED = 1024;

/** A picture with one kind of bytes. */
export type PlainPicture = Exclude<Picture, Uint8ClampedArray>;

export interface HeldPicture {
  /** The picture, as it was when it was given. */
  take(): PlainPicture;
  /** It is not needed any more. */
  drop(): void;
}

export class HeldPictures {
  #copied = 0;

  hold(given: Picture): HeldPicture {
    const image = plain(given);
    const bytes = isBytes(image) ? image.length : 4 * image.length;
    if (this.#copied + bytes > MOST_COPIED) {
      const before = digest(image);
      return {
        take() {
          if (digest(image) === before) return image;
          throw new OptionError(
            "classify: the picture was changed while it waited behind many others; await some answers first, or give each call a " +
              "picture of its own",
          );
        },
        drop: () => {},
      };
    }
    this.#copied += bytes;
    let copy: PlainPicture | undefined = isBytes(image) ? image.slice() : new Float32Array(image);
    return {
      take: () => copy!,
      drop: () => {
        if (copy !== undefined) this.#copied -= bytes;
        copy = undefined;
      },
    };
  }
}

const float = new Float32Array(1);
const word = new Int32Array(float.buffer);

/** FNV-1a (Fowler, Noll, Vo) over some of the numbers. */
function digest(image: Picture): number {
  let hash = 0x811c9dc5;
  for (let i = 0, step = Math.ceil(image.length / COMPARED); i < image.length; i += step) {
    float[0] = image[i]!;
    hash = Math.imul(hash ^ word[0]!, 0x01000193);
  }
  return hash;
}
