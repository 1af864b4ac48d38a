import { beforeEach, describe, expect, it, vi } from "vitest";
import { entry, forgetEverything } from "@/api/cache.svelte";
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
    const asked = pretend({ task_list: () => [] });
    const kept = entry("task_list", {});
    kept.retain();
    await settle();
    kept.release();
    deliver({ topic: "tasks_changed" });
    await settle();
    expect(asked).toHaveLength(1);
    kept.retain();
    await settle();
    expect(asked).toHaveLength(2);
  });

  it("joins a hundred events into one more read", async () => {
    vi.useFakeTimers();
    let finish: (value: []) => void = () => undefined;
    const asked = pretend({ document_list: () => new Promise<[]>((resolve) => (finish = resolve)) });
    const kept = entry("document_list", { source_id: null });
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
    const asked = pretend({ task_list: () => [], reminder_list: () => [] });
    entry("task_list", {}).retain();
    entry("reminder_list", {}).retain();
    await settle();
    deliver({ topic: "resync" });
    await settle();
    expect(asked.map((one) => one.name).sort()).toEqual(["reminder_list", "reminder_list", "task_list", "task_list"]);
  });

  it("of settings comes with its event", async () => {
    const kept = entry("settings_get", {});
    const settings = { language: "en", theme: "dark", chat_model: null, embedder: null, indexing_paused: false, close_to_tray: true, notifications: true, notification_sound: true, first_word_seconds: 3, quiet_hours: null, calendar_feed: null, welcomed: true } as const;
    deliver({ topic: "settings_changed", settings });
    expect(kept.data).toEqual(settings);
  });
});
