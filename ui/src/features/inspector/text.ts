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

/** The cited piece stays whole; the others give way to it. */
export function blocks(chunks: readonly ChunkView[], cited: ChunkId | null): Block[] {
  const result: Block[] = [];
  let page: number | null = null;
  for (const chunk of chunks) {
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
