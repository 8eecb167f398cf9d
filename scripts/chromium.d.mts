/** Types of chromium.mjs, for the tests. */
type Environment = Readonly<Record<string, string | undefined>>;

export const CHROMIUM_FLAGS: string[];
export function findChromium(environment?: Environment): string | undefined;
export function ensureChromium(environment?: Environment): string | undefined;
export function installCommand(): string;
export function mayInstall(environment?: Environment): boolean;
