/**
 * Works on items some way ahead of whoever takes the results, which come in the items' order: at most `running` at a
 * time, and at most `ahead` results that nobody has taken yet.
 */
export async function* mapAhead<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  { running, ahead }: { readonly running: number; readonly ahead: number },
): AsyncGenerator<R, void, void> {
  const lanes: Promise<unknown>[] = [];
  const waiting: Promise<R>[] = [];
  let next = 0;
  while (next < items.length || waiting.length > 0) {
    while (next < items.length && waiting.length < Math.max(1, ahead)) {
      const item = items[next]!;
      const lane = next++ % running;
      const result = (lanes[lane] ?? Promise.resolve()).then(() => work(item));
      // An error is whose turn it is; those behind it are then not waited for.
      lanes[lane] = result.catch(() => {});
      waiting.push(result);
    }
    yield await waiting.shift()!;
  }
}
