/** Asks the system for 2 MiB pages under large memory: kernels that stride through it miss the page tables less often. */
import { native } from "./libc.js";

const MADV_HUGEPAGE = 14;
const HUGE_PAGE = 2 ** 21;

type Madvise = (address: number, bytes: number, advice: number) => number;

let advise: Madvise | undefined;

/** Only a wish: where it is not granted, nothing is wrong. */
export function wishForHugePages(address: number, bytes: number): void {
  const begin = Math.ceil(address / HUGE_PAGE) * HUGE_PAGE;
  const end = Math.floor((address + bytes) / HUGE_PAGE) * HUGE_PAGE;
  if (end <= begin) return;
  advise ??= native().koffi.load("libc.so.6").func("madvise", "int", ["int64", "int64", "int"]) as Madvise;
  advise(begin, end - begin, MADV_HUGEPAGE);
}
