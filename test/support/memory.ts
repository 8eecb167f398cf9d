/** What a reader allocates, measured as the growth of array buffers and the heap while it runs. */
export function allocated(run: () => void): number {
  const before = process.memoryUsage();
  run();
  const after = process.memoryUsage();
  return after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
}
