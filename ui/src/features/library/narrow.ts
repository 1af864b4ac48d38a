/** Which documents a search looks into and the table lists: groups of kinds, and how long ago they were changed. */
import type { Document } from "@/api/types/Document";
import type { DocumentKind } from "@/api/types/DocumentKind";
import type { Key } from "@/i18n/index.svelte";

export type Group = "any" | "pdf" | "texts" | "tables" | "slides" | "mail" | "code";
export type Age = "any" | "day" | "week" | "month" | "year";

const KINDS: Record<Exclude<Group, "any">, DocumentKind[]> = {
  pdf: ["pdf"],
  texts: ["docx", "odf", "epub", "markdown", "text"],
  tables: ["xlsx", "csv"],
  slides: ["pptx"],
  mail: ["html", "eml"],
  code: ["code", "json"],
};

const DAYS: Record<Exclude<Age, "any" | "day">, number> = { week: 7, month: 30, year: 365 };

export const GROUPS: readonly { value: Group; label: Key }[] = [
  { value: "any", label: "search.typeAny" },
  { value: "pdf", label: "search.typePdf" },
  { value: "texts", label: "search.typeTexts" },
  { value: "tables", label: "search.typeTables" },
  { value: "slides", label: "search.typeSlides" },
  { value: "mail", label: "search.typeMail" },
  { value: "code", label: "search.typeCode" },
];

export const AGES: readonly { value: Age; label: Key }[] = [
  { value: "any", label: "search.sinceAny" },
  { value: "day", label: "search.sinceDay" },
  { value: "week", label: "search.sinceWeek" },
  { value: "month", label: "search.sinceMonth" },
  { value: "year", label: "search.sinceYear" },
];

/** None: of all kinds. */
export function kindsOf(group: Group): DocumentKind[] {
  return group === "any" ? [] : KINDS[group];
}

/** The earliest time of change, as the backend reads it. A day is that of the calendar, the others are so many times 24 hours. */
export function sinceOf(age: Age, now: Date): string | null {
  if (age === "any") return null;
  const since = age === "day" ? new Date(now.getFullYear(), now.getMonth(), now.getDate()) : new Date(now.getTime() - DAYS[age] * 86_400_000);
  return since.toISOString();
}

export function narrowed(documents: readonly Document[], group: Group, age: Age, now: Date): readonly Document[] {
  if (group === "any" && age === "any") return documents;
  const kinds = kindsOf(group);
  const since = sinceOf(age, now);
  const earliest = since === null ? -Infinity : Date.parse(since);
  return documents.filter((one) => (kinds.length === 0 || kinds.includes(one.kind)) && Date.parse(one.modified_at) >= earliest);
}
