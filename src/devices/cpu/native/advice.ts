/** What the system is told about memory: where 2 MiB pages would help, and which pages are not needed any more. */
import { native, PAGE_BYTES } from "./libc.js";

const MADV_DONTNEED = 4;
const MADV_HUGEPAGE = 14;
const HUGE_PAGE = 2 ** 21;

type Madvise = (address: number, bytes: number, advice: number) => number;

let known: Madvise | undefined;

/** Of the whole pages between two addresses. */
function advise(from: number, to: number, pageBytes: number, advice: number): void {
  const begin = Math.ceil(from / pageBytes) * pageBytes;
  const end = Math.floor(to / pageBytes) * pageBytes;
  if (end <= begin) return;
  known ??= native().koffi.load("libc.so.6").func("madvise", "int", ["int64", "int64", "int"]) as Madvise;
  known(begin, end - begin, advice);
}

/**
 * Kernels that stride through large memory then miss the page tables less often. Only a wish: where it is not granted,
 * nothing is wrong.
 */
export function wishForHugePages(address: number, bytes: number): void {
  advise(address, address + bytes, HUGE_PAGE, MADV_HUGEPAGE);
}

/**
 * Gives private memory back to the system; it is zeros when it is next touched. The ends that share a page with others
 * stay.
 */
export function giveBack(address: number, bytes: number): void {
  advise(address, address + bytes, PAGE_BYTES, MADV_DONTNEED);
}
