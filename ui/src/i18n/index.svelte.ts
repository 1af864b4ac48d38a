/**
 * Words in the user's language: `t(key, {name})`. A catalogue entry is a sentence with `{name}` holes, or one sentence
 * per plural form, chosen by `count`. Both catalogues have the same keys; a test sees to it.
 */
import en from "./en.json";
import zh from "./zh-CN.json";

export type Tag = "en" | "zh-CN";
export type Key = keyof typeof en;
type Sentence = string | { one?: string; other: string };
type Holes = Record<string, string | number>;

const CATALOGUES: Record<Tag, Record<Key, Sentence>> = { en, "zh-CN": zh };

/** The catalogue that fits the languages the system asks for, best first. */
export function systemTag(languages: readonly string[] = navigator.languages): Tag {
  for (const language of languages) {
    const primary = language.toLowerCase().split("-")[0];
    if (primary === "zh") return "zh-CN";
    if (primary === "en") return "en";
  }
  return "en";
}

let tag = $state<Tag>(systemTag());

export function language(): Tag {
  return tag;
}

export function setLanguage(choice: "system" | Tag): void {
  tag = choice === "system" ? systemTag() : choice;
  document.documentElement.lang = tag;
}

/** The tag that numbers and dates are written in: the system's own variety of the language (en-GB, en-US) where it has one. */
export function formatTag(): string {
  const primary = tag.split("-")[0] as string;
  return navigator.languages.find((language) => language.toLowerCase().startsWith(primary)) ?? tag;
}

function fill(sentence: string, holes: Holes): string {
  return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = holes[name];
    if (value === undefined) return hole;
    return typeof value === "number" ? new Intl.NumberFormat(formatTag()).format(value) : value;
  });
}

export function t(key: Key, holes: Holes = {}): string {
  const sentence = CATALOGUES[tag][key];
  if (typeof sentence === "string") return fill(sentence, holes);
  const count = Number(holes["count"] ?? 0);
  const form = new Intl.PluralRules(tag).select(count);
  return fill((form === "one" ? sentence.one : undefined) ?? sentence.other, holes);
}

/** Between which two catalogues the switch on the first page chooses. Names are written in their own language. */
export const LANGUAGES: readonly { tag: Tag; name: string }[] = [
  { tag: "en", name: "English" },
  { tag: "zh-CN", name: "简体中文" },
];
