import type { SpawnOptions } from "node:child_process";

export const root: string;
export function inProject(...parts: string[]): string;
export function runNode(
  args: readonly string[],
  options?: SpawnOptions,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
