/** What the inspector shows: the sources of an answer, or one document. It opens only when there is something to inspect. */
import type { Citation } from "@/api/types/Citation";
import type { ChunkId } from "@/api/types/ChunkId";
import type { DocumentId } from "@/api/types/DocumentId";

/**
 * A place in a document. `text` is the passage as it was when it was found, `span` the bytes of the document's text that it took; `marks`
 * are spans in it, half open.
 */
export interface Place {
  document: DocumentId;
  name: string;
  path: string;
  chunk: ChunkId | null;
  text: string | null;
  span: { start: number; end: number } | null;
  marks: readonly (readonly [number, number])[];
  page: number | null;
}

export interface Inspected {
  place: Place;
  /** The answer's sources, when it was opened from one. */
  sources: { citations: readonly Citation[]; current: number; answer: string } | null;
}

let current = $state.raw<Inspected | null>(null);
let opener: HTMLElement | null = null;

export const inspector = {
  get current(): Inspected | null {
    return current;
  },
};

export function inspect(next: Inspected): void {
  if (current === null && document.activeElement instanceof HTMLElement) opener = document.activeElement;
  current = next;
}

/** Closes it and gives the focus back to where it was opened from. */
export function closeInspector(): void {
  if (current === null) return;
  current = null;
  if (opener?.isConnected) opener.focus();
  opener = null;
}
