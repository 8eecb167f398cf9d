/** Reads the arguments of GTP commands (section 2.11); what does not fit is refused in the protocol's own words. */
import { BLACK, type Colour, vertexNamed, WHITE } from "../board/geometry.js";

/** A command's failure, as the controller is told. */
export class Refusal extends Error {}

export const syntaxError = (): Refusal => new Refusal("syntax error");

export function colourOf(text: string | undefined): Colour {
  if (/^(b|black)$/i.test(text ?? "")) return BLACK;
  if (/^(w|white)$/i.test(text ?? "")) return WHITE;
  throw syntaxError();
}

/** A vertex of the board, or PASS. */
export function vertexOf(text: string | undefined, size: number): number {
  const vertex = vertexNamed(text ?? "", size);
  if (vertex === undefined) throw syntaxError();
  return vertex;
}

export function wholeOf(text: string | undefined): number {
  if (!/^\d{1,9}$/.test(text ?? "")) throw syntaxError();
  return Number(text);
}

export function numberOf(text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || text === "" || !Number.isFinite(value)) throw syntaxError();
  return value;
}
