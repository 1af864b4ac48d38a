import { beforeEach, describe, expect, it } from "vitest";
import type { Conversation } from "@/api/types/Conversation";
import type { Document } from "@/api/types/Document";
import { rows } from "@/features/chat/groups";
import { sorted } from "@/features/library/sort";
import { fitOf } from "@/features/models/words";
import { ranked, score } from "@/features/palette/match";
import { ago, day, size } from "@/i18n/format";
import { setLanguage } from "@/i18n/index.svelte";
import { composing } from "@/shared/platform";
import { href, parse } from "@/shared/router.svelte";
import { shortcutFor } from "@/shared/shortcuts";

beforeEach(() => setLanguage("en"));

describe("the address", () => {
  it("is read and written alike", () => {
    for (const route of [{ page: "chat", id: null }, { page: "chat", id: "a/b c" }, { page: "tasks", id: "category:工作" }, { page: "quick-add", id: null }] as const) {
      expect(parse(href(route.page, route.id))).toEqual(route);
    }
  });

  it("leads to the chat when it is unknown", () => {
    expect(parse("#token=abc")).toEqual({ page: "chat", id: null });
    expect(parse("")).toEqual({ page: "chat", id: null });
  });
});

describe("sizes and times", () => {
  it("are written in the unit that fits", () => {
    expect(size(0)).toBe("0\u00a0B");
    expect(size(1536)).toBe("2\u00a0KB");
    expect(size(7.4 * 1024 ** 2)).toBe("7.4\u00a0MB");
    expect(size(2.5 * 1024 ** 3)).toBe("2.5\u00a0GB");
  });

  it("name near days and count near minutes", () => {
    const now = new Date(2026, 10, 21, 12);
    expect(day(new Date(2026, 10, 20, 23, 59), now)).toBe("Yesterday");
    expect(ago(new Date(2026, 10, 21, 11, 56), now)).toBe("4 minutes ago");
    expect(ago(new Date(2026, 10, 21, 11, 59, 50), now)).toBe("just now");
    setLanguage("zh-CN");
    expect(ago(new Date(2026, 10, 21, 11, 56), now)).toBe("4 分钟前");
  });

  it("count days across the change of clocks", () => {
    // In zones with summer time this day has 23 or 25 hours.
    expect(day(new Date(2026, 2, 30, 0, 30), new Date(2026, 2, 29, 12))).toBe("Tomorrow");
    expect(day(new Date(2026, 9, 26, 0, 30), new Date(2026, 9, 25, 12))).toBe("Tomorrow");
  });
});

describe("the list of chats", () => {
  const chat = (id: string, updated: Date): Conversation => ({ id, title: id, named: false, created_at: updated.toISOString(), updated_at: updated.toISOString() });

  it("is grouped by day, newest first, without empty groups", () => {
    const now = new Date(2026, 10, 21, 12);
    const list = rows([chat("old", new Date(2026, 5, 1)), chat("now", now), chat("yesterday", new Date(2026, 10, 20, 1)), chat("morning", new Date(2026, 10, 21, 1))], now);
    expect(list.map((row) => (row.kind === "group" ? row.group : row.conversation.id))).toEqual(["today", "now", "morning", "yesterday", "yesterday", "earlier", "old"]);
  });
});

describe("finding by typing", () => {
  it("wants every word and likes beginnings", () => {
    expect(score("Open settings", "set op")).toBe(1);
    expect(score("Reset", "set")).toBe(2);
    expect(score("Open settings", "close")).toBeNull();
    expect(ranked(["Reset", "Open settings", "Settings"], "set", (text) => text, 2)).toEqual(["Settings", "Open settings"]);
  });
});

describe("the table of documents", () => {
  const file = (name: string, state: Document["state"]): Document => ({ id: name, source_id: "s", path: `/d/${name}`, name, kind: "pdf", size: 1, modified_at: "2026-11-01T00:00:00Z", content_hash: "", state, reason: null, chunks: 0, pages: null, reader: null, indexed_at: null });
  const names = (list: readonly Document[]) => list.map((one) => one.name);

  it("sorts names as people count and problems first", () => {
    const list = [file("b10.pdf", "indexed"), file("b9.pdf", "failed"), file("A.pdf", "waiting")];
    expect(names(sorted(list, { column: "name", descending: false }))).toEqual(["A.pdf", "b9.pdf", "b10.pdf"]);
    expect(names(sorted(list, { column: "name", descending: true }))).toEqual(["b10.pdf", "b9.pdf", "A.pdf"]);
    expect(names(sorted(list, { column: "state", descending: false }))).toEqual(["b9.pdf", "A.pdf", "b10.pdf"]);
  });

  it("stands as if sorted anew after each change, and rows of one name keep their places", () => {
    const at = (folder: number, name: string, state: Document["state"] = "waiting") => ({ ...file(name, state), id: `${folder}`, path: `/${folder}/${name}` });
    const before = [3, 1, 4, 2].map((folder) => at(folder, "README.md"));
    const order = { column: "name", descending: false } as const;
    const first = sorted(before, order);
    const ids = (list: readonly Document[]) => list.map((one) => one.id).join("");
    expect(ids(first)).toBe("1234");
    const after = [at(9, "A.md"), before[3] as Document, at(1, "README.md", "indexed"), at(4, "z.md")];
    expect(ids(sorted(after, order, first))).toBe("9124");
    for (const column of ["name", "folder", "kind", "modified", "state"] as const) {
      for (const descending of [false, true]) expect(sorted(after, { column, descending }, first)).toEqual(sorted(after, { column, descending }));
    }
  });
});

describe("the keyboard", () => {
  const press = (code: string, key: string, more: KeyboardEventInit = {}) => new KeyboardEvent("keydown", { code, key, cancelable: true, ...more });

  it("knows its shortcuts", () => {
    expect(shortcutFor(press("KeyK", "k", { ctrlKey: true }))).toBe("palette");
    expect(shortcutFor(press("Digit3", "3", { ctrlKey: true }))).toBe("tasks");
    expect(shortcutFor(press("Digit3", "3", { altKey: true }))).toBe("tasks");
    expect(shortcutFor(press("KeyN", "n", { ctrlKey: true }))).toBe("newChat");
    expect(shortcutFor(press("Slash", "/"))).toBe("search");
    expect(shortcutFor(press("KeyK", "k"))).toBeNull();
    expect(shortcutFor(press("Digit3", "3", { ctrlKey: true, altKey: true }))).toBeNull();
  });

  it("leaves single keys to whoever is writing", () => {
    const field = document.createElement("textarea");
    document.body.append(field);
    let found: unknown = "none";
    field.addEventListener("keydown", (event) => (found = shortcutFor(event)));
    field.dispatchEvent(press("Slash", "/", { bubbles: true }));
    expect(found).toBeNull();
    field.dispatchEvent(press("KeyK", "k", { bubbles: true, ctrlKey: true }));
    expect(found).toBe("palette");
  });

  it("notices an input method at work", () => {
    expect(composing(press("Enter", "Enter", { isComposing: true }))).toBe(true);
    expect(composing(press("Enter", "Process", { keyCode: 229 }))).toBe(true);
    expect(composing(press("Enter", "Enter"))).toBe(false);
  });
});

describe("what fits", () => {
  const machine = { cpu: "", cores: 4, memory_total: 16, memory_available: 10 };
  const model = (memory_needed: number, fits: boolean) => ({ spec: { memory_needed }, fits }) as Parameters<typeof fitOf>[0];

  it("is told apart from what only just fits and what does not", () => {
    expect(fitOf(model(4, true), machine)).toBe("fits");
    expect(fitOf(model(9, true), machine)).toBe("tight");
    expect(fitOf(model(4, false), machine)).toBe("tooBig");
  });
});
