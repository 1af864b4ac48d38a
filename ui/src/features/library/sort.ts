/** The order of the document table. */
import type { Document } from "@/api/types/Document";
import { formatTag } from "@/i18n/index.svelte";
import { folderOf } from "@/shared/places";

export type Column = "name" | "folder" | "kind" | "modified" | "state";
export interface Order {
  column: Column;
  descending: boolean;
}

/** Problems first, then what is being read, then what is ready. */
const STATE_ORDER = { failed: 0, password_needed: 1, no_text: 2, indexing: 3, waiting: 4, indexed: 5 } as const;

/** `before` is what it gave for the list as it was: what is nearly in order is sorted in a tenth of the time. */
export function sorted(documents: readonly Document[], { column, descending }: Order, before: readonly Document[] = []): Document[] {
  const collator = new Intl.Collator(formatTag(), { numeric: true, sensitivity: "base" });
  const compare: Record<Column, (a: Document, b: Document) => number> = {
    name: (a, b) => collator.compare(a.name, b.name),
    folder: (a, b) => collator.compare(folderOf(a.path), folderOf(b.path)),
    kind: (a, b) => a.kind.localeCompare(b.kind),
    modified: (a, b) => a.modified_at.localeCompare(b.modified_at),
    state: (a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state],
  };
  const by = compare[column];
  const sign = descending ? -1 : 1;
  // A row must not leave its place among others of the same name only because it was read.
  const inOrder = (a: Document, b: Document) => sign * by(a, b) || collator.compare(a.name, b.name) || (a.path < b.path ? -1 : 1);
  const here = new Set(documents);
  const kept = before.filter((one) => here.has(one));
  const placed = new Set(kept);
  return [...kept, ...documents.filter((one) => !placed.has(one))].sort(inOrder);
}
