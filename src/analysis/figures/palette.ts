/**
 * Colours of figures that stand alone: the report's, and some for grids and for families of networks. The hues are
 * Okabe and Ito's, which colour-blind eyes tell apart; what they tell is told by shape, outline or words as well, for
 * print.
 */
import { DARK, LIGHT, type Role } from "../report/palette.js";

/** Light and dark. */
const EXTRA = {
  readFill: ["#fdebd2", "#4a3510"],
  readLine: ["#d55e01", "#e69f01"],
  kernelFill: ["#dcebf7", "#14344a"],
  kernelLine: ["#0072b1", "#56b4e8"],
  outputFill: ["#dcf3ea", "#0f3b2d"],
  outputLine: ["#008f68", "#2bc79a"],
  family1: ["#0072b3", "#56b4ea"],
  family2: ["#d55e02", "#e69f02"],
  family3: ["#009e73", "#2bc79b"],
  family4: ["#b0508a", "#e08fbd"],
  family5: ["#7a6a00", "#f0e442"],
  family6: ["#4d4d4d", "#c8c8c8"],
} as const;

export type Paint = Role | keyof typeof EXTRA;

const EXTRA_ENTRIES = Object.entries(EXTRA) as [keyof typeof EXTRA, readonly [string, string]][];

/**
 * Every colour in its light and its dark form. No two light ones are alike, so that one can be told by its light form.
 */
export const PAINTS: Readonly<Record<Paint, readonly [light: string, dark: string]>> = {
  ...(Object.fromEntries(
    (Object.keys(LIGHT) as Role[]).map((role) => [role, [LIGHT[role], DARK[role]]]),
  ) as unknown as Readonly<Record<Role, readonly [string, string]>>),
  ...(Object.fromEntries(EXTRA_ENTRIES) as typeof EXTRA),
};

/** A colour as figures name it. */
export const paint = (name: Paint): string => `var(--${name})`;
