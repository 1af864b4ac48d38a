/** Which documents a search looks into: groups of kinds, and how long ago they were changed. */
import type { DocumentKind } from "@/api/types/DocumentKind";
import type { Key } from "@/i18n/index.svelte";

export type Group = "any" | "pdf" | "texts" | "tables" | "slides" | "mail" | "code";
export type Age = "any" | "week" | "month" | "year";

const KINDS: Record<Exclude<Group, "any">, DocumentKind[]> = {
  pdf: ["pdf"],
  texts: ["docx", "odf", "epub", "markdown", "text"],
  tables: ["xlsx", "csv"],
  slides: ["pptx"],
  mail: ["html", "eml"],
  code: ["code", "json"],
};

const DAYS: Record<Exclude<Age, "any">, number> = { week: 7, month: 30, year: 365 };

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
  { value: "week", label: "search.sinceWeek" },
  { value: "month", label: "search.sinceMonth" },
  { value: "year", label: "search.sinceYear" },
];

/** None: of all kinds. */
export function kindsOf(group: Group): DocumentKind[] {
  return group === "any" ? [] : KINDS[group];
}

/** The earliest time of change, as the backend reads it. */
export function sinceOf(age: Age, now: Date): string | null {
  return age === "any" ? null : new Date(now.getTime() - DAYS[age] * 86_400_000).toISOString();
}
