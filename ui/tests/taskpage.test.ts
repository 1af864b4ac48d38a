import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { entry, forgetEverything } from "@/api/cache.svelte";
import type { Task } from "@/api/types/Task";
import type { TaskView } from "@/api/types/TaskView";
import TaskCalendar from "@/features/tasks/TaskCalendar.svelte";
import TaskEditor from "@/features/tasks/TaskEditor.svelte";
import TaskRow from "@/features/tasks/TaskRow.svelte";
import PrintSheet from "@/features/tasks/PrintSheet.svelte";
import { remove, save, setDone, skip, undoLast } from "@/features/tasks/actions";
import { setLanguage } from "@/i18n/index.svelte";
import { TASK_KEYS, taskKeyFor } from "@/shared/shortcuts";
import { dateDue } from "@/shared/tasks";
import { dismiss, toasts } from "@/shared/toasts.svelte";
import { pretend } from "./pretend";

const NOW = new Date(2026, 10, 21, 12, 0);

function view(id: string, more: Partial<Task> = {}): TaskView {
  const task: Task = { id, title: `Task ${id}`, notes: "", priority: "normal", category: null, section: null, labels: [], deadline: null, remind_before: [], estimate_minutes: null, parent: null, due: null, recurrence: null, repeat_from: "schedule", skipped: [], done_at: null, source: null, created_at: "2026-11-01T00:00:00Z", updated_at: "2026-11-01T00:00:00Z", ...more };
  const due = task.due?.kind === "date" ? new Date(`${task.due.date}T23:59:59`) : null;
  return { task, due_at: due?.toISOString() ?? null, overdue: false };
}
const on = (days: number) => dateDue(new Date(2026, 10, 21 + days));

/** A program that keeps these tasks. */
function keeping(...views: TaskView[]) {
  const asked = pretend({
    task_changes: () => ({ mark: "", whole: true, more: false, changed: entry("task_list", {}).data ?? [], removed: [] }),
    task_update: (task) => ({ ...view(task.id), task }),
    task_set_done: ({ id, done }) => {
      const old = views.find((one) => one.task.id === id) as TaskView;
      if (done && old.task.recurrence) return { ...old, task: { ...old.task, due: on(7) } };
      return { ...old, task: { ...old.task, done_at: done ? "2026-11-21T11:00:00Z" : null } };
    },
    task_skip: ({ id }) => {
      const old = views.find((one) => one.task.id === id) as TaskView;
      return { ...old, task: { ...old.task, due: on(7) } };
    },
    task_delete: () => ({}),
    task_restore: ({ id }) => views.find((one) => one.task.id === id) as TaskView,
  });
  entry("task_list", {}).data = views;
  return asked;
}

beforeEach(() => {
  setLanguage("en");
  forgetEverything();
  for (const toast of toasts.list) dismiss(toast.id);
});

describe("what is done to a task", () => {
  it("can all be taken back, the last first", async () => {
    const one = view("one", { due: on(0) });
    const asked = keeping(one);
    await save(one, { ...one.task, title: "Other" });
    await setDone(one, true);
    await remove(one);
    expect(toasts.list.map((toast) => toast.action?.label)).toEqual(["Undo", "Undo", "Undo"]);
    asked.length = 0;
    await undoLast();
    await undoLast();
    await undoLast();
    expect(asked.filter((call) => call.name !== "task_changes")).toEqual([
      { name: "task_restore", args: { id: "one" } },
      { name: "task_set_done", args: { id: "one", done: false } },
      { name: "task_update", args: one.task },
    ]);
    await undoLast();
    expect(asked.filter((call) => call.name !== "task_changes")).toHaveLength(3);
    expect(toasts.list).toEqual([]);
  });

  it("is taken back once, by the button or by the key", async () => {
    const one = view("one");
    const asked = keeping(one);
    await setDone(one, true);
    toasts.list[0]?.action?.run();
    await waitFor(() => expect(asked.at(-1)).toEqual({ name: "task_set_done", args: { id: "one", done: false } }));
    const before = asked.length;
    await undoLast();
    expect(asked).toHaveLength(before);
  });

  it("moves one that repeats, says where to, and moves it back", async () => {
    const one = view("one", { due: on(0), recurrence: "FREQ=WEEKLY" });
    const asked = keeping(one);
    await setDone(one, true);
    expect(toasts.list.at(-1)?.text).toMatch(/^Done: “Task one”. Next: Sat.*28/);
    await undoLast();
    expect(asked.at(-1)).toEqual({ name: "task_update", args: one.task });
  });

  it("skips a time of one that repeats, says the next, and takes it back", async () => {
    const one = view("one", { due: on(0), recurrence: "FREQ=WEEKLY" });
    const asked = keeping(one);
    await skip(one);
    expect(asked.at(-1)).toEqual({ name: "task_skip", args: { id: "one", day: null } });
    expect(toasts.list.at(-1)?.text).toMatch(/^Skipped “Task one”. Next: Sat.*28/);
    await undoLast();
    expect(asked.at(-1)).toEqual({ name: "task_update", args: one.task });
  });

  it("opens the done parts of one that repeats, and closes them again when that is taken back", async () => {
    const one = view("one", { due: on(0), recurrence: "FREQ=WEEKLY" });
    const part = view("part", { parent: "one", done_at: "2026-11-20T10:00:00Z" });
    const asked = keeping(one, part, view("open", { parent: "one" }));
    await setDone(one, true);
    asked.length = 0;
    await undoLast();
    expect(asked).toEqual([
      { name: "task_update", args: one.task },
      { name: "task_set_done", args: { id: "part", done: true } },
    ]);
  });

  it("takes the parts of a deleted task out of the list with it", async () => {
    const one = view("one");
    keeping(one, view("part", { parent: "one" }), view("deeper", { parent: "part" }), view("two"));
    await remove(one);
    expect((entry("task_list", {}).data ?? []).map((left) => left.task.id)).toEqual(["two"]);
  });

  it("asks nothing when nothing was changed", async () => {
    const one = view("one");
    const asked = keeping(one);
    await save(one, { ...one.task });
    expect(asked).toEqual([]);
  });
});

describe("a row", () => {
  const show = (one: TaskView, inDay = false) => render(TaskRow, { view: one, inCategory: false, inLabel: null, inDay, now: NOW, current: true, onopen: vi.fn(), onfocus: vi.fn() });

  it("shows what the task has in words", () => {
    const { container } = show(view("one", { labels: ["home"], deadline: "2026-11-24", remind_before: [30, 60], notes: "bring it", category: "Work", recurrence: "FREQ=DAILY" }));
    expect(container.textContent).toContain("by Tuesday");
    expect(container.textContent).toContain("every day");
    expect(container.textContent).toContain("Work");
    expect(screen.getByRole("img", { name: "Also reminds: 30 minutes before, 1 hour before" })).toBeTruthy();
    expect(screen.getByRole("img", { name: "Notes" }).dataset["tip"]).toBe("bring it");
    expect(screen.getByRole("img", { name: "home" })).toBeTruthy();
  });

  it("leaves out the day that its heading names", () => {
    const at = view("one", { due: { kind: "time", at: "2026-11-21T17:00:00", zone: "Europe/Berlin" } });
    expect(show(at).container.querySelector(".due")?.textContent).toMatch(/^Today (17:00|5:00.PM)$/);
    expect(show(at, true).container.querySelector(".due")?.textContent).toMatch(/^(17:00|5:00.PM)$/);
    expect(show(view("two", { due: on(0) }), true).container.querySelector(".due")).toBeNull();
  });

  it("shows how far its parts are, how long it takes and where it stands", () => {
    const one = view("one", { category: "Work", section: "Later", estimate_minutes: 90 });
    const { container } = render(TaskRow, { view: one, progress: { done: 2, total: 5 }, depth: 1, inCategory: false, inLabel: null, inDay: false, now: NOW, current: true, onopen: vi.fn(), onfocus: vi.fn() });
    expect(screen.getByRole("img", { name: "2 of 5 parts done" }).textContent).toBe("2/5");
    expect(screen.getByTestId("task-estimate").textContent).toBe("1 h 30 min");
    expect(container.textContent).toContain("Work / Later");
    expect(container.querySelector<HTMLElement>(".line")?.style.getPropertyValue("--depth")).toBe("1");
  });

  it("has its actions only while the pointer or the focus is on it", async () => {
    const { container } = show(view("one"));
    expect(screen.queryByRole("button", { name: "Delete" })).toBeNull();
    await fireEvent.pointerEnter(container.querySelector(".line") as Element);
    expect(screen.getByRole("button", { name: "Delete" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "Move to a day" })).toBeTruthy();
  });
});

describe("the editor", () => {
  const open = (task: Task) => {
    const onsave = vi.fn<(task: Task) => void>();
    const oncancel = vi.fn();
    render(TaskEditor, { task, dueAt: null, categories: [], labels: ["phone"], onsave, oncancel });
    return { onsave, oncancel, title: screen.getByTestId("task-title") };
  };

  it("changes labels, reminders and repetition", async () => {
    const { onsave, title } = open(view("one", { labels: ["home", "old"], remind_before: [30, 60], due: on(0) }).task);
    await fireEvent.click(screen.getByRole("button", { name: "Remove the label home" }));
    const labels = screen.getByTestId("task-labels");
    await fireEvent.input(labels, { target: { value: "@phone, two words" } });
    await fireEvent.keyDown(labels, { key: "Enter" });
    expect(onsave).not.toHaveBeenCalled();
    await fireEvent.click(screen.getByRole("button", { name: "Do not remind 30 minutes before" }));
    await fireEvent.change(screen.getByTestId("task-repeat"), { target: { value: "FREQ=WEEKLY;BYDAY=SA" } });
    await fireEvent.keyDown(title, { key: "Enter" });
    await waitFor(() => expect(onsave).toHaveBeenCalled());
    expect(onsave.mock.calls[0]?.[0]).toMatchObject({ labels: ["old", "phone", "two words"], remind_before: [60], recurrence: "FREQ=WEEKLY;BYDAY=SA" });
  });

  it("repeats from completion where that is chosen, and only while it repeats", async () => {
    const { onsave, title } = open(view("one", { due: on(0), recurrence: "FREQ=DAILY;INTERVAL=3" }).task);
    await fireEvent.change(screen.getByTestId("task-repeat-from"), { target: { value: "completion" } });
    await fireEvent.keyDown(title, { key: "Enter" });
    await waitFor(() => expect(onsave).toHaveBeenCalled());
    expect(onsave.mock.calls[0]?.[0]).toMatchObject({ recurrence: "FREQ=DAILY;INTERVAL=3", repeat_from: "completion" });
    await fireEvent.change(screen.getByTestId("task-repeat"), { target: { value: "" } });
    expect(screen.queryByTestId("task-repeat-from")).toBeNull();
    await fireEvent.keyDown(title, { key: "Enter" });
    await waitFor(() => expect(onsave).toHaveBeenCalledTimes(2));
    expect(onsave.mock.calls[1]?.[0]).toMatchObject({ recurrence: null, repeat_from: "schedule" });
  });

  it("takes the last label off with Backspace in the empty field", async () => {
    const { onsave, title } = open(view("one", { labels: ["a", "b"] }).task);
    await fireEvent.keyDown(screen.getByTestId("task-labels"), { key: "Backspace" });
    await fireEvent.keyDown(title, { key: "Enter" });
    await waitFor(() => expect(onsave.mock.calls[0]?.[0].labels).toEqual(["a"]));
  });

  it("reads words of time that were typed just before Enter", async () => {
    const asked = pretend({
      task_parse: ({ text }) => ({ title: text, notes: "", priority: "normal", category: null, section: null, labels: [], deadline: text.includes("{") ? "2026-12-05" : null, remind_before: [], estimate_minutes: null, due: on(1), recurrence: null, repeat_from: "schedule", spans: [] }),
    });
    const { onsave } = open(view("one").task);
    const deadline = screen.getByLabelText("Deadline");
    await fireEvent.input(screen.getByLabelText("When"), { target: { value: "tomorrow" } });
    await fireEvent.input(deadline, { target: { value: "Dec 5" } });
    await fireEvent.keyDown(deadline, { key: "Enter" });
    await waitFor(() => expect(onsave).toHaveBeenCalled());
    expect(onsave.mock.calls[0]?.[0]).toMatchObject({ due: on(1), deadline: "2026-12-05" });
    expect(asked.map((call) => call.args)).toEqual([{ text: "tomorrow" }, { text: "x {Dec 5}" }]);
  });

  it("changes section, estimate and what the task is a part of", async () => {
    const asked = keeping(view("one"), view("trip", { title: "Trip to Oslo" }));
    const parsed = pretend({
      task_parse: ({ text }) => ({ title: text, notes: "", priority: "normal", category: null, section: null, labels: [], deadline: null, remind_before: [], estimate_minutes: 45, due: null, recurrence: null, repeat_from: "schedule", spans: [] }),
    });
    const { onsave } = open(view("one").task);
    await fireEvent.input(screen.getByLabelText("Section"), { target: { value: "Later" } });
    await fireEvent.input(screen.getByLabelText("Estimate"), { target: { value: "45" } });
    const parent = screen.getByLabelText("Part of");
    await fireEvent.input(parent, { target: { value: "trip" } });
    await fireEvent.keyDown(parent, { key: "Enter" });
    await waitFor(() => expect(onsave).toHaveBeenCalled());
    expect(onsave.mock.calls[0]?.[0]).toMatchObject({ section: "Later", estimate_minutes: 45, parent: "trip" });
    expect([...asked, ...parsed].filter((call) => call.name === "task_parse").map((call) => call.args)).toEqual([{ text: "x ~45min" }]);
  });

  it("leaves with Escape", async () => {
    const { oncancel, title } = open(view("one").task);
    await fireEvent.keyDown(title, { key: "Escape" });
    expect(oncancel).toHaveBeenCalledOnce();
  });
});

describe("the calendar", () => {
  const show = (...views: TaskView[]) => {
    const asked = keeping(...views);
    localStorage.setItem("calendar", "week");
    const shown = render(TaskCalendar, { tasks: views, now: NOW, categories: [], labels: [] });
    return { asked, shown };
  };
  const cell = (day: string) => document.querySelector(`[data-day="${day}"]`) as HTMLElement;

  /** jsdom has no pointer events; these have what the calendar reads of them. */
  const pointer = (target: EventTarget, type: string, clientX: number) => fireEvent(target as Element, new MouseEvent(type, { bubbles: true, button: 0, clientX, clientY: 10 }));

  it("holds each task on its day", () => {
    show(view("one", { due: on(0) }), view("two", { due: on(1) }), view("bare"));
    expect(within(cell("2026-11-21")).getByTestId("calendar-task").textContent).toContain("Task one");
    expect(within(cell("2026-11-22")).getByTestId("calendar-task").textContent).toContain("Task two");
    expect(screen.getAllByTestId("calendar-day")).toHaveLength(7);
  });

  it("moves a task that is dragged to another day, and opens one that is pressed", async () => {
    const { asked } = show(view("one", { due: on(0) }));
    const task = screen.getByTestId("calendar-task");
    document.elementFromPoint = () => cell("2026-11-19");
    await pointer(task, "pointerdown", 10);
    await pointer(window, "pointermove", 60);
    expect(cell("2026-11-19").classList).toContain("over");
    await pointer(window, "pointerup", 60);
    await fireEvent.click(task);
    expect(asked).toContainEqual({ name: "task_update", args: expect.objectContaining({ id: "one", due: on(-2) }) });
    expect(screen.queryByTestId("task-editor")).toBeNull();
  });

  it("gives up a drag with Escape", async () => {
    const { asked } = show(view("one", { due: on(0) }));
    document.elementFromPoint = () => cell("2026-11-19");
    await pointer(screen.getByTestId("calendar-task"), "pointerdown", 10);
    await pointer(window, "pointermove", 60);
    await fireEvent.keyDown(window, { key: "Escape" });
    await pointer(window, "pointerup", 60);
    expect(asked.map((call) => call.name)).not.toContain("task_update");
  });

  it("moves a task by days and weeks with Alt and the arrows", async () => {
    const { asked } = show(view("one", { due: on(0) }));
    const task = screen.getByTestId("calendar-task");
    await fireEvent.keyDown(task, { key: "ArrowLeft", altKey: true });
    await waitFor(() => expect(asked).toContainEqual({ name: "task_update", args: expect.objectContaining({ due: on(-1) }) }));
    await fireEvent.keyDown(task, { key: "ArrowDown", altKey: true });
    await waitFor(() => expect(asked).toContainEqual({ name: "task_update", args: expect.objectContaining({ due: on(7) }) }));
  });

  it("goes from day to day with the arrows, and on into the next week", async () => {
    show(view("one", { due: on(0) }));
    const number = (day: string) => document.querySelector(`[data-number="${day}"]`) as HTMLElement;
    number("2026-11-21").focus();
    await fireEvent.keyDown(number("2026-11-21"), { key: "ArrowRight" });
    await waitFor(() => expect(document.activeElement).toBe(number("2026-11-22")));
    await fireEvent.keyDown(number("2026-11-22"), { key: "ArrowRight" });
    await waitFor(() => expect(document.activeElement).toBe(number("2026-11-23")));
  });
});

describe("the sheet for paper", () => {
  it("holds every open task of the view with its details, beside the window", () => {
    const views = Array.from({ length: 300 }, (_, index) => view(`t${index}`, { labels: ["home"], category: "Work" }));
    const { unmount } = render(PrintSheet, { title: "All", tasks: [...views, view("done", { done_at: "2026-11-20T10:00:00Z" })], filter: { kind: "all" }, now: NOW, searching: false });
    const sheet = screen.getByTestId("print-sheet");
    expect(sheet.parentElement).toBe(document.body);
    expect(sheet.querySelectorAll("li")).toHaveLength(300);
    expect(sheet.querySelector("li")?.textContent).toContain("Work · @home");
    unmount();
    expect(document.querySelector(".print-sheet")).toBeNull();
  });
});

describe("the keys of the page", () => {
  const press = (key: string, target: EventTarget = document.body, more: KeyboardEventInit = {}) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    target.dispatchEvent(event);
    return taskKeyFor(event);
  };

  it("mean one thing each", () => {
    const all = TASK_KEYS.flatMap((one) => one.keys as readonly string[]);
    expect(new Set(all).size).toBe(all.length);
    expect(press("x")).toBe("done");
    expect(press("ArrowDown")).toBe("next");
    expect(press("w")).toBe("nextWeek");
    expect(press("z", document.body, { ctrlKey: true, code: "KeyZ" })).toBe("undo");
  });

  it("are letters while one types, and nothing with other keys held", () => {
    const field = document.body.appendChild(document.createElement("input"));
    expect(press("x", field)).toBeNull();
    expect(press("z", field, { ctrlKey: true, code: "KeyZ" })).toBeNull();
    expect(press("x", document.body, { altKey: true })).toBeNull();
    field.remove();
  });
});
