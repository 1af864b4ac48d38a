/** Places in documents: what they are called, and how one comes from a citation or a found passage. */
import type { Citation } from "@/api/types/Citation";
import type { Passage } from "@/api/types/Passage";
import type { Position } from "@/api/types/Position";
import { t } from "@/i18n/index.svelte";
import type { Place } from "./inspector.svelte";
import { sharedSpans } from "./passages";

/** "p. 4", else the innermost heading, else the line; empty when nothing is known. */
export function whereText(position: Position): string {
  if (position.page !== null) return t("place.page", { page: String(position.page) });
  const heading = position.headings.at(-1);
  if (heading) return heading;
  return position.line !== null ? t("place.line", { line: String(position.line) }) : "";
}

/** Marks in the passage what the answer took from it; an empty answer marks nothing. */
export function placeOfCitation(citation: Citation, answer: string): Place {
  return {
    document: citation.document_id,
    name: citation.document_name,
    path: citation.path,
    chunk: citation.chunk_id,
    text: citation.text,
    span: citation.position,
    marks: sharedSpans(citation.text, answer),
    page: citation.position.page,
  };
}

export function placeOfPassage(passage: Passage): Place {
  return {
    document: passage.document_id,
    name: passage.document_name,
    path: passage.path,
    chunk: passage.chunk_id,
    text: passage.text,
    span: passage.position,
    marks: passage.highlights,
    page: passage.position.page,
  };
}

/** The folder a path stands in, without its name. Paths come from either kind of system. */
export function folderOf(path: string): string {
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return cut > 0 ? path.slice(0, cut) : path;
}

/** The folder of a document as seen from the library: the name of the folder that was added, and the way below it. */
export function folderLabel(path: string, sources: readonly string[]): string {
  const folder = folderOf(path);
  const root = sources.filter((source) => folder === source || folder.startsWith(`${source}/`) || folder.startsWith(`${source}\\`)).sort((a, b) => b.length - a.length)[0];
  return root === undefined ? folder : nameOf(root) + folder.slice(root.length);
}

export function nameOf(path: string): string {
  const trimmed = path.replace(/[/\\]+$/, "");
  return trimmed.slice(Math.max(trimmed.lastIndexOf("/"), trimmed.lastIndexOf("\\")) + 1) || path;
}
