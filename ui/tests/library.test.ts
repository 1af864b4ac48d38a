import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, describe, expect, it, vi } from "vitest";
import { forgetEverything } from "@/api/cache.svelte";
import type { Document } from "@/api/types/Document";
import type { DocumentChanges } from "@/api/types/DocumentChanges";
import type { SourceView } from "@/api/types/SourceView";
import { narrowed, sinceOf } from "@/features/library/narrow";
import { paceText } from "@/features/library/pace";
import SkippedDialog from "@/features/library/SkippedDialog.svelte";
import { roughly } from "@/i18n/format";
import { setLanguage } from "@/i18n/index.svelte";
import { closeInspector } from "@/shared/inspector.svelte";
import { overlays } from "@/shared/overlays.svelte";
import { go } from "@/shared/router.svelte";
import LibraryView from "@/views/LibraryView.svelte";
import { deliver, pretend } from "./pretend";

vi.mock("virtua/svelte", async () => ({ VList: (await import("./AllRows.svelte")).default }));

/** No-break spaces as others. */
const plain = (text: string) => text.replace(/\u00a0/g, " ");

describe("how far reading is", () => {
  const progress = { done: 0.3749, files_per_second: 12.4, bytes_per_second: 3 << 20, seconds_left: 110 };

  it("is said with a decimal, a speed and the time that is left", () => {
    setLanguage("en");
    expect(plain(paceText(progress))).toBe("37.4% · 12 files/s · about 2 min left");
    expect(plain(paceText({ ...progress, done: 0.9999, files_per_second: 0.2, seconds_left: 4 }))).toBe("99.9% · 3 MB/s · about 10 sec left");
    setLanguage("zh-CN");
    expect(plain(paceText(progress))).toBe("37.4% · 12 个文件/秒 · 约剩 2 分钟");
    setLanguage("en");
  });

  it("is only a share while the speed is not known", () => {
    expect(paceText({ done: 0, files_per_second: null, bytes_per_second: null, seconds_left: null })).toBe("0.0%");
  });

  it("counts hours by halves", () => {
    expect([50, 59, 61, 3540, 3541, 5401].map(roughly)).toEqual(["50 sec", "1 min", "2 min", "59 min", "1 hr", "2 hr"]);
  });
});

describe("the table's documents", () => {
  const now = new Date(2026, 10, 22, 9, 30);
  const at = (id: string, kind: Document["kind"], hoursAgo: number) => ({ id, kind, modified_at: new Date(now.getTime() - hoursAgo * 3_600_000).toISOString() }) as Document;
  const documents = [at("morning", "pdf", 2), at("evening", "pdf", 12), at("note", "markdown", 1), at("old", "code", 24 * 40)];
  const ids = (...args: [Parameters<typeof narrowed>[1], Parameters<typeof narrowed>[2]]) => narrowed(documents, ...args, now).map((one) => one.id);

  it("are those of today, of a type, or both", () => {
    expect(ids("any", "any")).toEqual(["morning", "evening", "note", "old"]);
    expect(ids("any", "day")).toEqual(["morning", "note"]);
    expect(ids("pdf", "any")).toEqual(["morning", "evening"]);
    expect(ids("pdf", "day")).toEqual(["morning"]);
    expect(ids("code", "month")).toEqual([]);
  });

  it("are of today from midnight on", () => {
    expect(sinceOf("day", now)).toBe(new Date(2026, 10, 22).toISOString());
  });
});

describe("what of a folder is not read", () => {
  afterEach(() => {
    overlays.skipped = null;
    cleanup();
  });

  it("is looked for when it is asked for, and named as seen from the folder", async () => {
    const asked = pretend({
      source_skipped: () => ({
        files: [
          { path: "/home/anna/papers/.cache", is_folder: true, reason: "hidden" },
          { path: "/home/anna/papers/film.mp4", is_folder: false, reason: "type" },
        ],
        more: 3,
      }),
    });
    render(SkippedDialog);
    await tick();
    expect(asked).toEqual([]);
    overlays.skipped = { id: "s", path: "/home/anna/papers" };
    const list = await screen.findByTestId("skipped-list");
    expect(asked).toEqual([{ name: "source_skipped", args: { id: "s" } }]);
    expect(Array.from(list.children, (one) => one.textContent?.trim().replace(/\s+/g, " "))).toEqual([".cache/ hidden", "film.mp4 type that cannot be read", "and 3 more"]);
  });

  it("says when there is nothing, and when the folder is gone", async () => {
    pretend({ source_skipped: () => ({ files: [], more: 0 }) });
    render(SkippedDialog);
    overlays.skipped = { id: "s", path: "/x" };
    await screen.findByText("All files in here are read");
    overlays.skipped = null;
    pretend({});
    await tick();
    overlays.skipped = { id: "s", path: "/x" };
    await screen.findByText("Nothing answers source_skipped.");
  });
});

describe("the page", () => {
  afterEach(() => {
    closeInspector();
    cleanup();
    forgetEverything();
  });

  it("keeps order, choice and what is open while files are read", async () => {
    const row = (id: string, name: string, state: Document["state"], more: Partial<Document> = {}): Document => ({ id, source_id: "s", path: `/s/${name}`, name, kind: "pdf", size: 1, modified_at: "2026-11-01T00:00:00Z", content_hash: "", state, reason: null, chunks: 0, pages: null, reader: null, indexed_at: null, ...more });
    const source = (id: string): SourceView => ({ source: { id, path: `/${id}`, is_folder: true, added_at: "2026-11-01T00:00:00Z" }, documents: 3, indexed: 0, pending: 3, failed: 0, problem: null });
    const answers: Omit<DocumentChanges, "mark">[] = [
      { whole: true, more: true, changed: [row("a", "a.pdf", "waiting"), row("b", "b.pdf", "waiting"), row("n", "n.md", "waiting", { kind: "markdown" })], removed: [], reading: [] },
      { whole: false, more: false, changed: [row("c", "c.pdf", "waiting"), row("o", "o.pdf", "waiting", { source_id: "other" })], removed: [], reading: ["a"] },
      { whole: false, more: false, changed: [row("a", "a.pdf", "indexed"), row("d", "d.pdf", "waiting"), row("m", "m.md", "waiting", { kind: "markdown" })], removed: ["c"], reading: ["b"] },
    ];
    const asked = pretend({ source_list: () => [source("s"), source("other")], document_changes: ({ mark }) => ({ ...(answers.shift() as DocumentChanges), mark: `${mark ?? ""}+` }) });
    go("library", "s");
    render(LibraryView);
    const shown = () => screen.getAllByTestId("document-row").map((one) => `${one.querySelector("button")?.textContent} ${one.dataset["state"]}${one.classList.contains("open") ? " open" : ""}`);
    await screen.findByText("c.pdf");
    expect(shown()).toEqual(["a.pdf indexing", "b.pdf waiting", "c.pdf waiting", "n.md waiting"]);
    await fireEvent.click(screen.getByRole("button", { name: "Name" }));
    await fireEvent.change(screen.getByTestId("search-type"), { target: { value: "pdf" } });
    await fireEvent.click(screen.getByRole("button", { name: "a.pdf" }));
    expect(shown()).toEqual(["c.pdf waiting", "b.pdf waiting", "a.pdf indexing open"]);
    const drawn = screen.getByRole("button", { name: "b.pdf" });
    deliver({ topic: "documents_changed" });
    await waitFor(() => expect(shown()).toEqual(["d.pdf waiting", "b.pdf indexing", "a.pdf indexed open"]));
    expect(screen.getByRole("button", { name: "b.pdf" })).toBe(drawn);
    expect(asked.filter((call) => call.name === "document_changes").map((call) => call.args)).toEqual([{ mark: null }, { mark: "+" }, { mark: "++" }]);
  });
});
