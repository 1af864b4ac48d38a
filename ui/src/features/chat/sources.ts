/** An answer's sources: their names, and opening one in the inspector. */
import type { Citation } from "@/api/types/Citation";
import type { Message } from "@/api/types/Message";
import { t } from "@/i18n/index.svelte";
import { inspect } from "@/shared/inspector.svelte";
import { placeOfCitation, whereText } from "@/shared/places";

export function sourceName(citation: Citation): string {
  const where = whereText(citation.position);
  return t("cite.label", { number: citation.number, name: citation.document_name }) + (where ? `, ${where}` : "");
}

export function openSource(message: Message, number: number): void {
  const citation = message.citations.find((known) => known.number === number);
  if (!citation) return;
  // An answer that is made of passages has nothing of its own to compare them with.
  const answer = message.kind === "passages" ? "" : message.text;
  inspect({
    place: placeOfCitation(citation, answer),
    sources: { citations: message.citations, current: number, answer },
  });
}
