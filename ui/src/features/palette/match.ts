/** Finding by typing: every word of the query must occur; nearer to the beginning is better. */
export function score(text: string, query: string): number | null {
  const haystack = text.toLocaleLowerCase();
  let worst = 0;
  for (const word of query.toLocaleLowerCase().split(/\s+/).filter(Boolean)) {
    const at = haystack.indexOf(word);
    if (at < 0) return null;
    const before = haystack[at - 1] ?? "";
    worst = Math.max(worst, at === 0 ? 0 : /[\p{L}\p{N}]/u.test(before) ? 2 : 1);
  }
  return worst;
}

/** The best first; equal ones keep their order. */
export function ranked<T>(items: readonly T[], query: string, text: (item: T) => string, limit: number): T[] {
  return items
    .map((item) => ({ item, value: score(text(item), query) }))
    .filter((one): one is { item: T; value: number } => one.value !== null)
    .sort((a, b) => a.value - b.value)
    .slice(0, limit)
    .map((one) => one.item);
}
