import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { entry, forgetEverything } from "@/api/cache.svelte";
import type { Citation } from "@/api/types/Citation";
import type { ReminderView } from "@/api/types/ReminderView";
import type { Settings } from "@/api/types/Settings";
import type { TaskView } from "@/api/types/TaskView";
import AnswerMessage from "@/features/chat/AnswerMessage.svelte";
import Composer from "@/features/chat/Composer.svelte";
import ReminderCard from "@/features/reminders/ReminderCard.svelte";
import ReminderList from "@/features/reminders/ReminderList.svelte";
import QuickAdd from "@/features/tasks/QuickAdd.svelte";
import Welcome from "@/features/welcome/Welcome.svelte";
import { setLanguage } from "@/i18n/index.svelte";
import { closeInspector, inspector } from "@/shared/inspector.svelte";
import { loadMarkdown } from "@/shared/rich.svelte";
import App from "@/views/App.svelte";
import { message, pretend } from "./pretend";

const SETTINGS: Settings = { language: "en", theme: "light", chat_model: null, embedder: null, reranker: null, automatic_model: false, automatic_remote: false, indexing_paused: false, library_rules: { ignore: "", largest_mb: 0 }, indexing_cores: "one", pause_on_battery: true, close_to_tray: true, notifications: true, notification_sound: true, first_word_seconds: 3, quiet_hours: null, quick_add_keys: "ctrl+alt+n", calendar_feed: null, auto_lock_minutes: 0, idle_unload_minutes: 15, welcomed: true };

const TASK: TaskView = {
  task: { id: "t", title: "call Anna", notes: "", priority: "high", category: null, section: null, labels: [], deadline: null, remind_before: [], estimate_minutes: null, parent: null, due: null, recurrence: null, repeat_from: "schedule" as const, skipped: [], done_at: null, source: null, created_at: "2026-11-21T08:00:00Z", updated_at: "2026-11-21T08:00:00Z" },
  due_at: null,
  overdue: false,
};

const CITATION: Citation = {
  number: 1,
  document_id: "d",
  chunk_id: "k",
  document_name: "budget.pdf",
  path: "/docs/budget.pdf",
  text: "The budget of Lyra is 412,000 EUR.",
  position: { page: 4, headings: [], line: null, start: 0, end: 10 },
  used: true,
};

beforeEach(async () => {
  setLanguage("en");
  forgetEverything();
  await loadMarkdown();
});

describe("the composer", () => {
  const set = (streaming = false) => {
    const onsend = vi.fn();
    const onstop = vi.fn();
    render(Composer, { text: "", streaming, onsend, onstop });
    return { onsend, onstop, field: screen.getByTestId<HTMLTextAreaElement>("composer") };
  };

  it("sends with Enter, and breaks the line with Shift+Enter", async () => {
    const { onsend, field } = set();
    await fireEvent.input(field, { target: { value: "  What is it?  " } });
    await fireEvent.keyDown(field, { key: "Enter", shiftKey: true });
    expect(onsend).not.toHaveBeenCalled();
    await fireEvent.keyDown(field, { key: "Enter" });
    expect(onsend).toHaveBeenCalledExactlyOnceWith("What is it?");
  });

  it("does not send the Enter that chooses a candidate of an input method", async () => {
    const { onsend, field } = set();
    await fireEvent.input(field, { target: { value: "预算" } });
    await fireEvent.keyDown(field, { key: "Enter", isComposing: true });
    await fireEvent.keyDown(field, { key: "Process", code: "Enter", keyCode: 229 });
    expect(onsend).not.toHaveBeenCalled();
  });

  it("sends nothing when there is nothing", async () => {
    const { onsend, field } = set();
    await fireEvent.input(field, { target: { value: "   " } });
    await fireEvent.keyDown(field, { key: "Enter" });
    expect(onsend).not.toHaveBeenCalled();
    expect(screen.getByTestId<HTMLButtonElement>("send").disabled).toBe(true);
  });

  it("stops where it sent, and with Escape", async () => {
    const { onsend, onstop, field } = set(true);
    expect(screen.queryByTestId("send")).toBeNull();
    await fireEvent.click(screen.getByTestId("stop"));
    await fireEvent.keyDown(field, { key: "Escape" });
    expect(onstop).toHaveBeenCalledTimes(2);
    await fireEvent.input(field, { target: { value: "next" } });
    await fireEvent.keyDown(field, { key: "Enter" });
    expect(onsend).not.toHaveBeenCalled();
  });
});

describe("thinking", () => {
  it("is turned on and off beside the question, where a model could think", async () => {
    const rendered = render(Composer, { text: "", think: false, streaming: false, onsend: vi.fn(), onstop: vi.fn() });
    const toggle = screen.getByRole("button", { name: "Think before answering" });
    expect(toggle.getAttribute("aria-pressed")).toBe("false");
    await fireEvent.click(toggle);
    expect(toggle.getAttribute("aria-pressed")).toBe("true");
    await rendered.rerender({ think: undefined });
    expect(screen.queryByTestId("think")).toBeNull();
  });
});

describe("an answer", () => {
  it("opens the inspector at the passage when a mark is pressed", async () => {
    closeInspector();
    render(AnswerMessage, { message: message("m", "assistant", "It is 412,000 EUR [1].", { citations: [CITATION] }), status: undefined, last: true, onretry: vi.fn() });
    const mark = screen.getByTestId("citation-mark");
    expect(mark.getAttribute("aria-label")).toBe("Source 1: budget.pdf, p. 4");
    await fireEvent.click(mark);
    expect(inspector.current?.place).toMatchObject({ document: "d", chunk: "k", page: 4 });
    expect(inspector.current?.sources?.current).toBe(1);
    closeInspector();
  });

  it("without a model is the passages, said plainly, with a way to a model", () => {
    render(AnswerMessage, { message: message("m", "assistant", "", { kind: "passages", citations: [{ ...CITATION, used: false }] }), status: undefined, last: true, onretry: vi.fn() });
    expect(screen.getByTestId("citation-mark").textContent).toContain("The budget of Lyra is 412,000 EUR.");
    expect(screen.getByRole("link", { name: "Choose a model" }).getAttribute("href")).toBe("#/models");
  });

  it("that failed says why and can be tried again", async () => {
    const onretry = vi.fn();
    render(AnswerMessage, { message: message("m", "assistant", "", { state: "failed", error: "There was not enough memory." }), status: undefined, last: true, onretry });
    expect(screen.getByRole("alert").textContent).toContain("There was not enough memory.");
    await fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(onretry).toHaveBeenCalledOnce();
  });

  const STATS = { model: "Small", prompt_tokens: 1200, completion_tokens: 40, first_token_ms: 100, total_ms: 900, tokens_per_second: 12, passages_left_out: 0, hurried: false, cut: true, messages_left_out: 2, context_length: 8192 };

  it("that was cut says so and goes on when asked", async () => {
    const oncontinue = vi.fn();
    render(AnswerMessage, { message: message("m", "assistant", "One. Two", { stats: STATS }), status: undefined, last: true, onretry: vi.fn(), oncontinue });
    expect(screen.getByTestId("answer-cut").textContent).toContain("The answer was cut at its length limit.");
    expect(screen.getByTestId("answer-forgotten").textContent).toBe("The first 2 messages of this conversation were left out: they no longer fit.");
    expect(screen.getByTestId("answer").textContent).toContain("1,240 of 8,192 tokens of the context used");
    await fireEvent.click(screen.getByRole("button", { name: "Continue" }));
    expect(oncontinue).toHaveBeenCalledOnce();
  });

  it("says why it could not be gone on with", () => {
    render(AnswerMessage, { message: message("m", "assistant", "One. Two", { stats: STATS, error: "There was not enough memory." }), status: undefined, last: true, onretry: vi.fn(), oncontinue: vi.fn() });
    expect(screen.getByRole("alert").textContent).toContain("There was not enough memory.");
    expect(screen.getByRole("button", { name: "Continue" })).toBeTruthy();
  });

  it("that was cut can be gone on with only at the end, and one that was not says nothing", () => {
    render(AnswerMessage, { message: message("m", "assistant", "One. Two", { stats: STATS }), status: undefined, last: false, onretry: vi.fn(), oncontinue: vi.fn() });
    expect(screen.queryByRole("button", { name: "Continue" })).toBeNull();
    expect(screen.queryByTestId("answer-forgotten")).toBeNull();
    render(AnswerMessage, { message: message("n", "assistant", "One.", { stats: { ...STATS, cut: false, messages_left_out: 0 } }), status: undefined, last: true, onretry: vi.fn(), oncontinue: vi.fn() });
    expect(screen.getAllByTestId("answer-cut")).toHaveLength(1);
  });

  it("folds what the model thought under a line, as plain text", async () => {
    render(AnswerMessage, { message: message("m", "assistant", "Four.", { thoughts: "Two and <b>two</b>." }), status: undefined, last: true, onretry: vi.fn() });
    const thoughts = screen.getByTestId("thoughts") as HTMLDetailsElement;
    expect([thoughts.open, thoughts.dataset["state"]]).toEqual([false, "done"]);
    expect(thoughts.querySelector("summary")?.textContent?.trim()).toBe("Thoughts");
    expect(thoughts.querySelector("p")?.textContent).toBe("Two and <b>two</b>.");
  });

  it("has no line for thoughts when there were none", () => {
    render(AnswerMessage, { message: message("m", "assistant", "Four."), status: undefined, last: true, onretry: vi.fn() });
    expect(screen.queryByTestId("thoughts")).toBeNull();
  });

  it("says that the model thinks while it has not begun to answer", () => {
    const thinking = message("thinks", "assistant", "", { state: "streaming", thoughts: "Two and" });
    render(AnswerMessage, { message: thinking, status: undefined, last: true, onretry: vi.fn() });
    expect(screen.getByTestId("thoughts").dataset["state"]).toBe("thinking");
    expect(screen.getByTestId("answer").textContent).not.toContain("Looking through your documents");
  });

  it("says in words that it waits", () => {
    render(AnswerMessage, { message: message("waits", "assistant", "", { state: "streaming" }), status: undefined, last: true, onretry: vi.fn() });
    expect(screen.getByTestId("answer").textContent).toContain("Looking through your documents");
    expect(screen.getByTestId("answer").getAttribute("aria-busy")).toBe("true");
  });
});

describe("the quick-add line", () => {
  const DRAFT = { title: "call Anna", notes: "", labels: [], deadline: null, remind_before: [], estimate_minutes: null, priority: "high" as const, category: null, section: null, due: { kind: "date" as const, date: "2026-11-22" }, recurrence: null, repeat_from: "schedule" as const, spans: [{ kind: "when" as const, start: 10, end: 18 }, { kind: "priority" as const, start: 19, end: 24 }] };

  it("tints what it understood and adds the line", async () => {
    const asked = pretend({ task_parse: () => DRAFT, task_add_line: () => TASK });
    const onadded = vi.fn();
    const { container } = render(QuickAdd, { onadded });
    const field = screen.getByTestId<HTMLInputElement>("quick-add");
    await fireEvent.input(field, { target: { value: "call Anna tomorrow !high" } });
    await waitFor(() => expect([...container.querySelectorAll(".tint")].map((one) => one.textContent)).toEqual(["tomorrow", "!high"]));
    await fireEvent.keyDown(field, { key: "Enter" });
    await waitFor(() => expect(onadded).toHaveBeenCalledWith(TASK));
    expect(asked.at(-1)).toEqual({ name: "task_add_line", args: { text: "call Anna tomorrow !high" } });
    expect(field.value).toBe("");
  });

  /** Reads "!high" unless it was hidden. */
  const parse = ({ text }: { text: string }) =>
    text.includes("!high") ? DRAFT : { ...DRAFT, title: `call Anna ${text.slice(19)}`, priority: "normal" as const, spans: DRAFT.spans.slice(0, 1) };

  it("leaves in the title what was taken back", async () => {
    const asked = pretend({ task_parse: parse, task_add: () => TASK });
    const onadded = vi.fn();
    render(QuickAdd, { onadded });
    const field = screen.getByTestId<HTMLInputElement>("quick-add");
    await fireEvent.input(field, { target: { value: "call Anna tomorrow !high" } });
    await fireEvent.click(await screen.findByRole("button", { name: "Not meant as: High priority" }));
    expect(document.activeElement).toBe(field);
    await waitFor(() => expect(screen.queryByRole("button", { name: "Not meant as: High priority" })).toBeNull());
    await fireEvent.keyDown(field, { key: "Enter" });
    await waitFor(() => expect(onadded).toHaveBeenCalled());
    expect(asked.at(-1)).toMatchObject({ name: "task_add", args: { title: "call Anna !high", priority: "normal", due: DRAFT.due } });
    expect(field.value).toBe("");
  });

  it("takes chips off with the keyboard alone", async () => {
    const asked = pretend({ task_parse: parse, task_add: () => TASK });
    render(QuickAdd);
    const field = screen.getByTestId<HTMLInputElement>("quick-add");
    await fireEvent.input(field, { target: { value: "call Anna tomorrow !high" } });
    const last = await screen.findByRole("button", { name: "Not meant as: High priority" });
    field.focus();
    await fireEvent.keyDown(field, { key: "ArrowDown" });
    await fireEvent.keyDown(document.activeElement as Element, { key: "ArrowRight" });
    expect(document.activeElement).toBe(last);
    await fireEvent.keyDown(last, { key: "Delete" });
    expect(document.activeElement).toBe(field);
    // Enter before the next answer waits for it.
    await fireEvent.keyDown(field, { key: "Enter" });
    await waitFor(() => expect(asked.at(-1)).toMatchObject({ name: "task_add", args: { title: "call Anna !high" } }));
  });

  it("keeps the line when it could not be added", async () => {
    pretend({});
    const onadded = vi.fn();
    render(QuickAdd, { onadded });
    const field = screen.getByTestId<HTMLInputElement>("quick-add");
    await fireEvent.input(field, { target: { value: "call Anna" } });
    await fireEvent.keyDown(field, { key: "Enter" });
    await waitFor(() => expect(screen.getByRole<HTMLButtonElement>("button", { name: /Add/ }).disabled).toBe(false));
    expect(field.value).toBe("call Anna");
    expect(onadded).not.toHaveBeenCalled();
  });
});

describe("a reminder", () => {
  const VIEW: ReminderView = { reminder: { id: "r", task_id: "t", at: "2026-11-21T08:00:00Z", state: "shown", late: false }, task: TASK.task };

  it("is done with one press and leaves the list at once", async () => {
    const asked = pretend({ reminder_done: () => ({}), reminder_list: () => [] });
    entry("reminder_list", {}).data = [VIEW];
    render(ReminderCard, { view: VIEW, now: new Date("2026-11-21T08:04:00Z"), links: true });
    expect(screen.getByTestId("reminder-card").textContent).toContain("4 minutes ago");
    await fireEvent.click(screen.getByTestId("reminder-done"));
    expect(asked[0]).toEqual({ name: "reminder_done", args: { id: "r" } });
    expect(entry("reminder_list", {}).data).toEqual([]);
  });

  it("that nobody saw in time stands apart, and all of those are closed with one press", async () => {
    const late = (id: string): ReminderView => ({ ...VIEW, reminder: { ...VIEW.reminder, id, late: true } });
    const asked = pretend({ reminder_dismiss: () => ({}), reminder_list: () => [VIEW] });
    entry("reminder_list", {}).data = [late("a"), VIEW, late("b")];
    render(ReminderList, { reminders: [late("a"), VIEW, late("b")], links: false });
    const missed = screen.getByRole("region", { name: "While you were away" });
    expect(within(missed).getAllByTestId("reminder-card")).toHaveLength(2);
    expect(screen.getAllByTestId("reminder-card")).toHaveLength(3);
    await fireEvent.click(within(missed).getByRole("button", { name: "Dismiss all" }));
    expect(asked.slice(0, 2)).toEqual(["a", "b"].map((id) => ({ name: "reminder_dismiss", args: { id } })));
    expect(entry("reminder_list", {}).data).toEqual([VIEW]);
  });

  it("alone needs no button for all", () => {
    render(ReminderList, { reminders: [{ ...VIEW, reminder: { ...VIEW.reminder, late: true } }], links: false });
    expect(screen.queryByRole("button", { name: "Dismiss all" })).toBeNull();
  });
});

describe("the first page", () => {
  it("is left with one key and nothing is chosen for the user", async () => {
    const asked = pretend({ settings_get: () => SETTINGS, model_list: () => ({ models: [], machine: { cpu: "", cores: 2, memory_total: 1, memory_available: 1 } }), source_list: () => [] });
    const onfinish = vi.fn();
    render(Welcome, { machine: "This computer …", onfinish });
    await fireEvent.keyDown(window, { key: "Escape" });
    expect(onfinish).toHaveBeenCalledOnce();
    expect(asked.map((one) => one.name)).not.toContain("model_set");
  });

  it("stays and says why when the folder cannot be added", async () => {
    pretend({
      settings_get: () => SETTINGS,
      model_list: () => ({ models: [], machine: { cpu: "", cores: 2, memory_total: 1, memory_available: 1 } }),
      source_list: () => [],
      knowledge_add: ({ paths }) => ({ sources: [], problems: paths.map((path) => ({ path, message: "There is no such folder." })) }),
    });
    const onfinish = vi.fn();
    render(Welcome, { machine: null, onfinish });
    await fireEvent.input(screen.getByTestId("welcome-path"), { target: { value: "/nowhere" } });
    await fireEvent.click(screen.getByTestId("welcome-start"));
    await screen.findByText("There is no such folder.");
    expect(onfinish).not.toHaveBeenCalled();
  });
});

describe("the window", () => {
  it("says how to open it when the browser has no session", async () => {
    pretend({
      settings_get: () => {
        throw { code: "signed_out", message: "" };
      },
    });
    render(App);
    expect((await screen.findByTestId("sign-in")).textContent).toContain("moltworker web");
  });

  it("speaks the language that is set", async () => {
    pretend({ settings_get: () => ({ ...SETTINGS, language: "zh-CN" }), conversation_list: () => [], suggestions: () => ({ items: [] }), source_list: () => [] });
    render(App);
    await screen.findByRole("heading", { name: "想了解什么？" });
    expect(document.documentElement.lang).toBe("zh-CN");
  });
});
