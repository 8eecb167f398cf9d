export const PICTURE: string;
export function foldersOf(root?: string): Map<string, Set<string>>;
export function arrowsOf(folders: ReadonlyMap<string, ReadonlySet<string>>): [from: string, to: string][];
export function drawFloors(folders?: ReadonlyMap<string, ReadonlySet<string>>): string;
