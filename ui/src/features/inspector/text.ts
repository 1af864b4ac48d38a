/** A document's pieces put together for reading. Neighbours may repeat some text, so that no sentence is lost to search; readers see it once. */
import type { ChunkView } from "@/api/types/ChunkView";
import type { ChunkId } from "@/api/types/ChunkId";

export interface Block {
  id: ChunkId;
  text: string;
  /** The page that starts with this block, where it differs from the one before. */
  page: number | null;
  cited: boolean;
}

/** Longer repeats than this are the document's own. */
const LONGEST_OVERLAP = 1200;
/** Shorter ones are chance. */
const SHORTEST_OVERLAP = 12;

/** Length of the longest end of `before` that `after` begins with. */
export function overlap(before: string, after: string): number {
  const most = Math.min(before.length, after.length, LONGEST_OVERLAP);
  for (let length = most; length >= SHORTEST_OVERLAP; length -= 1) {
    if (before.endsWith(after.slice(0, length))) return length;
  }
  return 0;
}

/** Bytes of the document's text that a passage spans, half open. */
export interface Span {
  start: number;
  end: number;
}

/** A passage may be made of several pieces that follow each other: they are one here too, with the text that the passage has. */
function joined(chunks: readonly ChunkView[], cited: ChunkId | null, span: Span | null): readonly ChunkView[] {
  const at = chunks.findIndex((chunk) => chunk.id === cited);
  const own = chunks[at];
  if (!own || !span) return chunks;
  const inside = (chunk: ChunkView | undefined) => chunk !== undefined && chunk.position.start >= span.start && chunk.position.end <= span.end && chunk.position.page === own.position.page;
  if (!inside(own)) return chunks;
  let [first, last] = [at, at];
  while (inside(chunks[first - 1])) first -= 1;
  while (inside(chunks[last + 1])) last += 1;
  let { text, position } = chunks[first] ?? own;
  for (const chunk of chunks.slice(first + 1, last + 1)) {
    text += (position.end < chunk.position.start ? "\n" : "") + chunk.text;
    position = { ...position, end: chunk.position.end };
  }
  return [...chunks.slice(0, first), { id: own.id, text, position }, ...chunks.slice(last + 1)];
}

/** The cited piece stays whole; the others give way to it. */
export function blocks(chunks: readonly ChunkView[], cited: ChunkId | null, span: Span | null = null): Block[] {
  const result: Block[] = [];
  let page: number | null = null;
  for (const chunk of joined(chunks, cited, span)) {
    const before = result.at(-1);
    let { text } = chunk;
    if (before) {
      const shared = overlap(before.text, text);
      if (chunk.id === cited) before.text = before.text.slice(0, before.text.length - shared);
      else text = text.slice(shared);
    }
    const next = chunk.position.page;
    result.push({ id: chunk.id, text, page: next !== page ? next : null, cited: chunk.id === cited });
    page = next ?? page;
  }
  return result;
}
