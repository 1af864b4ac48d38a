/** What a document's state is called, and whether there is something to do about it. */
import type { DocumentKind } from "@/api/types/DocumentKind";
import type { DocumentState } from "@/api/types/DocumentState";
import type { SkipReason } from "@/api/types/SkipReason";
import type { Key } from "@/i18n/index.svelte";

export const STATE_NAMES: Record<DocumentState, Key> = {
  waiting: "doc.waiting",
  indexing: "doc.indexing",
  indexed: "doc.indexed",
  no_text: "doc.noText",
  password_needed: "doc.password",
  failed: "doc.failed",
};

export const KIND_NAMES: Record<DocumentKind, Key> = {
  pdf: "kind.pdf",
  markdown: "kind.markdown",
  text: "kind.text",
  docx: "kind.docx",
  pptx: "kind.pptx",
  xlsx: "kind.xlsx",
  odf: "kind.odf",
  epub: "kind.epub",
  html: "kind.html",
  csv: "kind.csv",
  json: "kind.json",
  eml: "kind.eml",
  code: "kind.code",
};

export const SKIP_NAMES: Record<SkipReason, Key> = {
  type: "skipped.type",
  large: "skipped.large",
  rule: "skipped.rule",
  hidden: "skipped.hidden",
  build_product: "skipped.build",
  temporary: "skipped.temporary",
  link: "skipped.link",
};

/** It could not be read: the reason is shown and reading can be tried again. */
export function isProblem(state: DocumentState): boolean {
  return state === "no_text" || state === "password_needed" || state === "failed";
}
