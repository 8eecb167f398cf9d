/**
 * Colours of a report's figures: Okabe and Ito's set, whose hues colour-blind eyes tell apart, as CSS variables, so
 * that a page can be light or dark. Pictures that are files are light.
 */

export const LIGHT = {
  ink: "#1f2328",
  soft: "#57606a",
  paper: "#ffffff",
  panel: "#f6f8fa",
  line: "#d0d7de",
  empty: "#eef1f4",
  training: "#0072b2",
  test: "#d55e00",
} as const;

export type Role = keyof typeof LIGHT;

export const DARK: Readonly<Record<Role, string>> = {
  ink: "#e6edf3",
  soft: "#9da7b3",
  paper: "#0d1117",
  panel: "#161b22",
  line: "#30363d",
  empty: "#20262e",
  training: "#56b4e9",
  test: "#e69f00",
};

/** A colour as figures name it. */
export const colour = (role: Role): string => `var(--${role})`;

export function cssVariables(colours: Readonly<Record<Role, string>>): string {
  return Object.entries(colours)
    .map(([role, value]) => `--${role}: ${value};`)
    .join(" ");
}

/** The figure's text with the light colours written out, for a file that has no style sheet. */
export function withLightColours(svg: string): string {
  return svg.replace(/var\(--(\w+)\)/g, (text, role: string) => LIGHT[role as Role] ?? text);
}
