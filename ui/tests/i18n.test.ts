import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import en from "@/i18n/en.json";
import zh from "@/i18n/zh-CN.json";
import { setLanguage, systemTag, t } from "@/i18n/index.svelte";

type Catalogue = Record<string, string | Record<string, string>>;
const catalogues: Record<string, Catalogue> = { en, "zh-CN": zh };

const sentences = (value: string | Record<string, string>) => (typeof value === "string" ? [value] : Object.values(value));
const holes = (value: string | Record<string, string>) => [...new Set(sentences(value).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|svelte)$/.test(name) && !name.startsWith("api/types"))
    .map((name) => join(folder, name));
}
const sources = sourceFiles(join(import.meta.dirname, "../src")).map((path) => readFileSync(path, "utf8"));

describe("catalogues", () => {
  it("have the same keys in the same order", () => {
    expect(Object.keys(zh)).toEqual(Object.keys(en));
  });

  it("leave the same holes in each sentence", () => {
    for (const key of Object.keys(en)) expect([key, holes((zh as Catalogue)[key] ?? "")]).toEqual([key, holes((en as Catalogue)[key] ?? "")]);
  });

  it("have no empty sentence and no exclamation", () => {
    for (const [tag, catalogue] of Object.entries(catalogues)) {
      for (const [key, value] of Object.entries(catalogue)) {
        for (const text of sentences(value)) {
          expect(text.trim(), `${tag} ${key}`).not.toBe("");
          expect(text, `${tag} ${key}`).not.toMatch(/[!！]/);
        }
      }
    }
  });

  it("set Chinese with full-width punctuation and a space beside Latin letters and holes", () => {
    for (const [key, value] of Object.entries(zh as Catalogue)) {
      for (const text of sentences(value)) {
        expect(text, key).not.toMatch(/[\u4e00-\u9fff][,.;:?()]/);
        expect(text, key).not.toMatch(/[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]/);
        // A hole beside a character is spaced too, except for weekday names, which are Chinese themselves.
        if (!text.includes("{days}")) expect(text, key).not.toMatch(/[\u4e00-\u9fff]\{|\}[\u4e00-\u9fff]/);
      }
    }
  });

  it("know every key that is used, and no other", () => {
    const text = sources.join("\n");
    const asked = new Set([...text.matchAll(/\bt\(\s*"([\w.]+)"/g)].map((match) => match[1] as string));
    for (const key of asked) expect(Object.keys(en), key).toContain(key);
    // Keys also travel through tables and conditions, always written out as a string.
    const written = new Set([...text.matchAll(/"([a-zA-Z]+\.[\w.]+)"/g)].map((match) => match[1]));
    const unused = Object.keys(en).filter((key) => !written.has(key));
    expect(unused).toEqual([]);
  });
});

describe("t", () => {
  it("fills holes and chooses the plural form of the language", () => {
    setLanguage("en");
    expect(t("reminder.count", { count: 1 })).toBe("1 reminder");
    expect(t("reminder.count", { count: 2 })).toBe("2 reminders");
    expect(t("chat.deleted", { title: "{count}" })).toBe("Deleted “{count}”");
    setLanguage("zh-CN");
    expect(t("reminder.count", { count: 1 })).toBe("1 条提醒");
    setLanguage("en");
  });

  it("follows the first language of the system that it knows", () => {
    expect(systemTag(["fr-FR", "zh-TW", "en-US"])).toBe("zh-CN");
    expect(systemTag(["en-GB", "zh"])).toBe("en");
    expect(systemTag(["fr"])).toBe("en");
  });
});
