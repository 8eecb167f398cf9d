/** Looks at a picture file without decoding it where its head and its end tell that it is whole. */
import { parseJpegHeader } from "../../formats/pictures/jpeg-header.js";
import type { Facts } from "../loader/messages.js";
import type { PicturePlace } from "../sources/labelled-pictures.js";
import { decodeWhole } from "./decode-picture-node.js";
import type { PictureFiles } from "./picture-place-node.js";

/**
 * A JPEG file that ends with its end mark, and a file of another format whose head is right, count as whole; what else
 * there is to find, decoding finds. A JPEG file without that mark at its end (cut off, or with something behind it) is
 * decoded at once.
 * @throws FileError and DataError as decoding does.
 */
export async function checkHead(files: PictureFiles, name: string, place: PicturePlace): Promise<Facts> {
  const { head, tail, bytes } = files.readHead(place, name);
  const header = parseJpegHeader(head);
  const ends = tail[0] === 0xff && tail[1] === 0xd9;
  if (header?.isCommon && header.orientation !== undefined && ends && header.height * header.width > 1) {
    const { height, width, components, orientation } = header;
    const grey = components === 1;
    return orientation >= 5 ? { height: width, width: height, grey, bytes } : { height, width, grey, bytes };
  }
  return look(name, files.read(place, name), head[0] === 0xff && !ends);
}

/** Decodes the picture, whatever its ends look like. */
export async function checkWhole(files: PictureFiles, name: string, place: PicturePlace): Promise<Facts> {
  return look(name, files.read(place, name), true);
}

async function look(name: string, bytes: Uint8Array, decode: boolean): Promise<Facts> {
  if (decode) {
    const { height, width, grey } = await decodeWhole(name, bytes, 3);
    return { height, width, grey, bytes: bytes.length };
  }
  const { inspectPicture } = await import("./read-picture-node.js");
  const { height, width, grey } = await inspectPicture(name, bytes);
  return { height, width, grey, bytes: bytes.length };
}
