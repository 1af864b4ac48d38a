import { beforeEach, describe, expect, it, vi } from "vitest";
import { entry, forgetData, forgetEverything } from "@/api/cache.svelte";
import type { Document } from "@/api/types/Document";
import type { DocumentChanges } from "@/api/types/DocumentChanges";
import type { TaskChanges } from "@/api/types/TaskChanges";
import type { TaskView } from "@/api/types/TaskView";
import { deliver, pretend, settle } from "./pretend";

beforeEach(() => forgetEverything());

describe("a kept answer", () => {
  it("is read once for all who look at it, and again after its event", async () => {
    let count = 0;
    const asked = pretend({ suggestions: () => ({ items: [String((count += 1))] }) });
    const kept = entry("suggestions", {});
    kept.retain();
    entry("suggestions", {}).retain();
    await settle();
    expect(asked).toHaveLength(1);
    deliver({ topic: "models_changed" });
    await settle();
    expect(asked).toHaveLength(1);
    deliver({ topic: "tasks_changed" });
    await settle();
    expect(kept.data).toEqual({ items: ["2"] });
  });

  it("is not read while nobody looks, but when somebody looks again", async () => {
    const asked = pretend({ conversation_list: () => [] });
    const kept = entry("conversation_list", {});
    kept.retain();
    await settle();
    kept.release();
    deliver({ topic: "conversations_changed" });
    await settle();
    expect(asked).toHaveLength(1);
    kept.retain();
    await settle();
    expect(asked).toHaveLength(2);
  });

  it("joins a hundred events into one more read", async () => {
    vi.useFakeTimers();
    let finish: (value: []) => void = () => undefined;
    const asked = pretend({ source_list: () => new Promise<[]>((resolve) => (finish = resolve)) });
    const kept = entry("source_list", {});
    kept.retain();
    await settle();
    for (let i = 0; i < 100; i += 1) deliver({ topic: "documents_changed" });
    finish([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toHaveLength(2);
    finish([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toHaveLength(2);
    vi.useRealTimers();
  });

  it("keeps the last good answer beside an error, and recovers", async () => {
    let broken = false;
    pretend({
      model_list: () => {
        if (broken) throw { code: "internal", message: "The disk does not answer.", hint: null, trace_id: "" };
        return { models: [], machine: { cpu: "x", cores: 2, memory_total: 1, memory_available: 1 } };
      },
    });
    const kept = entry("model_list", {});
    await kept.refresh();
    broken = true;
    await kept.refresh();
    expect(kept.data?.machine.cpu).toBe("x");
    expect(kept.error?.message).toBe("The disk does not answer.");
    broken = false;
    await kept.refresh();
    expect(kept.error).toBeNull();
  });

  it("is everything again after a lost connection", async () => {
    const asked = pretend({ conversation_list: () => [], reminder_list: () => [] });
    entry("conversation_list", {}).retain();
    entry("reminder_list", {}).retain();
    await settle();
    deliver({ topic: "resync" });
    await settle();
    expect(asked.map((one) => one.name).sort()).toEqual(["conversation_list", "conversation_list", "reminder_list", "reminder_list"]);
  });

  it("of tasks is read whole once, then what changed, and whole again after a lost connection", async () => {
    const view = (id: string, title: string) => ({ task: { id, title }, due_at: null, overdue: false }) as unknown as TaskView;
    const answers = [
      { mark: "0", whole: true, more: true, changed: [view("a", "A")], removed: [] },
      { mark: "1", whole: false, more: false, changed: [view("b", "B")], removed: [] },
      { mark: "2", whole: false, more: false, changed: [view("c", "C"), view("a", "A2")], removed: ["b"] },
      { mark: "3", whole: true, more: false, changed: [view("d", "D")], removed: [] },
    ];
    const asked = pretend({ task_changes: () => answers.shift() as TaskChanges });
    const kept = entry("task_list", {});
    const titles = () => kept.data?.map(({ task }) => task.title);
    kept.retain();
    await settle();
    expect(titles()).toEqual(["A", "B"]);
    kept.patch((all) => all.map((one) => ({ ...one, task: { ...one.task, title: "Expected" } })));
    deliver({ topic: "tasks_changed" });
    await settle();
    // What was only expected is gone.
    expect(titles()).toEqual(["A2", "C"]);
    deliver({ topic: "resync" });
    await settle();
    expect(titles()).toEqual(["D"]);
    expect(asked.map((one) => one.args)).toEqual([{ mark: null }, { mark: "0" }, { mark: "1" }, { mark: null }]);
  });

  it("of documents is read in pages, then what changed, and anew where the mark is not known", async () => {
    const row = (id: string, path: string) => ({ id, path, state: "waiting" }) as Document;
    const answers: DocumentChanges[] = [
      { mark: "x/1/a", whole: true, more: true, changed: [row("a", "/a")], removed: [], reading: [] },
      { mark: "x/1", whole: false, more: false, changed: [row("b", "/b"), row("c", "/c")], removed: [], reading: ["b"] },
      // It is no longer read, and nothing came of it; another is removed.
      { mark: "x/2", whole: false, more: false, changed: [], removed: ["c"], reading: [] },
      { mark: "x/3", whole: false, more: true, changed: [row("a", "/moved")], removed: [], reading: ["a"] },
      { mark: "x/4", whole: false, more: false, changed: [row("d", "/d")], removed: ["never known"], reading: ["d"] },
      // Of a program that was started since.
      { mark: "y/0", whole: true, more: false, changed: [row("d", "/d")], removed: [], reading: [] },
    ];
    const asked = pretend({ document_changes: () => answers.shift() as DocumentChanges });
    const kept = entry("document_list", { source_id: null });
    const next = async () => {
      await kept.refresh();
      return kept.data?.map(({ path, state }) => `${path} ${state}`);
    };
    expect(await next()).toEqual(["/a waiting", "/b indexing", "/c waiting"]);
    const [first] = kept.data ?? [];
    expect(await next()).toEqual(["/a waiting", "/b waiting"]);
    expect(kept.data?.[0]).toBe(first);
    expect(await next()).toEqual(["/moved waiting", "/b waiting", "/d indexing"]);
    expect(await next()).toEqual(["/d waiting"]);
    expect(asked.map((one) => one.args)).toEqual([null, "x/1/a", "x/1", "x/2", "x/3", "x/4"].map((mark) => ({ mark })));
  });

  it("goes on where it broke off when a page could not be read", async () => {
    let broken = true;
    const row = (id: string) => ({ id, state: "indexed" }) as Document;
    const asked = pretend({
      document_changes: ({ mark }) => {
        if (mark === null) return { mark: "x/1/a", whole: true, more: true, changed: [row("a")], removed: [], reading: [] };
        if (broken) throw { code: "internal", message: "The disk does not answer.", hint: null, trace_id: "" };
        return { mark: "x/1", whole: false, more: false, changed: [row("b")], removed: [], reading: [] };
      },
    });
    const kept = entry("document_list", { source_id: null });
    await kept.refresh();
    expect([kept.data, kept.error?.message]).toEqual([undefined, "The disk does not answer."]);
    broken = false;
    await kept.refresh();
    expect(kept.data?.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(asked).toHaveLength(3);
  });

  it("that was put together is forgotten when the data is locked", async () => {
    const asked = pretend({ document_changes: () => ({ mark: "x/1", whole: true, more: false, changed: [], removed: [], reading: [] }) });
    const kept = entry("document_list", { source_id: null });
    await kept.refresh();
    forgetData();
    expect(kept.data).toBeUndefined();
    await kept.refresh();
    expect(asked.map((one) => one.args)).toEqual([{ mark: null }, { mark: null }]);
  });

  it("of settings comes with its event", async () => {
    const kept = entry("settings_get", {});
    const settings = { language: "en", theme: "dark", chat_model: null, embedder: null, reranker: null, automatic_model: false, automatic_remote: false, indexing_paused: false, library_rules: { ignore: "", largest_mb: 0 }, indexing_cores: "one", pause_on_battery: true, close_to_tray: true, notifications: true, notification_sound: true, first_word_seconds: 3, quiet_hours: null, quick_add_keys: "ctrl+alt+n", calendar_feed: null, auto_lock_minutes: 0, idle_unload_minutes: 15, welcomed: true } as const;
    deliver({ topic: "settings_changed", settings });
    expect(kept.data).toEqual(settings);
  });
});
