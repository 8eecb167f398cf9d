export const PAGES: readonly string[];
export function refreshed(markdown: string): string;
