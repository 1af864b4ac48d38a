/** Text with marked spans, and finding in a passage what an answer took from it. */
export type Span = readonly [number, number];
export interface Piece {
  text: string;
  marked: boolean;
}

/** Cuts a text at spans (UTF-16 units, half open). Overlapping, unsorted or overlong spans do no harm. */
export function cut(text: string, spans: readonly Span[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const start = Math.max(at, from);
    const end = Math.min(text.length, to);
    if (end <= start) continue;
    if (start > at) pieces.push({ text: text.slice(at, start), marked: false });
    pieces.push({ text: text.slice(start, end), marked: true });
    at = end;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), marked: false });
  return pieces;
}

const WORD = /[\p{L}\p{N}]/u;
const CJK = /[\u3400-\u9fff\uf900-\ufaff]/;

/** Longer answers quote many places; then marking one of them would mislead. */
const LONGEST_ANSWER = 4000;

/** A run lighter than this means nothing on its own; see `weigh`. */
const LEAST_WEIGHT = 4;
/** Further runs beside the first are marked when they hold a figure: words alone would be marked by chance. */
const FIGURE = /\d/;
const MOST_SPANS = 3;

/**
 * The longest runs of characters that an answer shares with a passage, cut back to whole words: most often the values
 * that were asked for. Empty when what they share is too short to mean anything.
 */
export function sharedSpans(passage: string, answer: string): Span[] {
  let source = passage.slice(0, LONGEST_ANSWER);
  // Marks of emphasis stand between words that the passage has side by side.
  let said = answer.slice(0, LONGEST_ANSWER).replace(/[*_`]|\s?\[\d+\]/g, "");
  const spans: Span[] = [];
  while (spans.length < MOST_SPANS) {
    const found = longestShared(source, said);
    if (!found || found.weight < LEAST_WEIGHT) break;
    const [start, end] = found.span;
    const text = source.slice(start, end);
    if (spans.length > 0 && !FIGURE.test(text)) break;
    spans.push(found.span);
    source = source.slice(0, start) + "\0".repeat(end - start) + source.slice(end);
    said = said.replace(text, "\u0001");
  }
  return spans.sort((a, b) => a[0] - b[0]);
}

function longestShared(source: string, said: string): { span: Span; weight: number } | null {
  // Lengths of the common run that ends at each place of `said`, for the last row only.
  let row = new Uint16Array(said.length + 1);
  let best: Span | null = null;
  let bestWeight = 0;
  for (let i = 1; i <= source.length; i += 1) {
    const next = new Uint16Array(said.length + 1);
    for (let j = 1; j <= said.length; j += 1) {
      if (source[i - 1] !== said[j - 1]) continue;
      const length = (row[j - 1] ?? 0) + 1;
      next[j] = length;
      if (length * 2 <= bestWeight) continue;
      const span = wholeWords(source, i - length, i);
      const weight = weigh(source.slice(span[0], span[1]));
      if (weight > bestWeight) {
        bestWeight = weight;
        best = span;
      }
    }
    row = next;
  }
  return best ? { span: best, weight: bestWeight } : null;
}

/** A Chinese character says as much as two letters; a digit is more likely to be the answer than a letter. */
function weigh(text: string): number {
  let weight = 0;
  for (const sign of text) weight += CJK.test(sign) || /\d/.test(sign) ? 2 : WORD.test(sign) ? 1 : 0;
  return weight;
}

function wholeWords(text: string, start: number, end: number): Span {
  const inside = (at: number) => {
    const before = text[at - 1] ?? " ";
    const after = text[at] ?? " ";
    return WORD.test(before) && WORD.test(after) && !CJK.test(before) && !CJK.test(after);
  };
  while (start < end && inside(start)) start += 1;
  while (end > start && inside(end)) end -= 1;
  while (start < end && !WORD.test(text[start] ?? "")) start += 1;
  while (end > start && /[\s,.;:，。；：、]/.test(text[end - 1] ?? "")) end -= 1;
  return [start, end];
}
