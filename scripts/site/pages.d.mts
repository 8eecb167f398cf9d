export function copyPages(pages: readonly string[], to: string): void;
