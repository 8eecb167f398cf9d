/** A picture file that was recognised, and not yet decoded. */

/** What the head of a file says; its pixels when they are asked for. */
export interface PlainPicture {
  readonly width: number;
  readonly height: number;
  /** Grey, RGB, or RGB with an alpha channel. */
  readonly channels: 1 | 3 | 4;
  /** Row-major from the top, channels last, a byte each. @throws FileError where the file is damaged or cut short. */
  decode(): Uint8Array;
}
