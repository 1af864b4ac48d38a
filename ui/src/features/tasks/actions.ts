/** What is done to tasks: shown at once, and taken back with one press or one key. */
import { call } from "@/api/backend";
import { entry } from "@/api/cache.svelte";
import type { Priority } from "@/api/types/Priority";
import type { Task } from "@/api/types/Task";
import type { TaskView } from "@/api/types/TaskView";
import { t } from "@/i18n/index.svelte";
import { dueDay, PRIORITY_NAMES, readingText } from "@/shared/tasks";
import { attempt, dismiss, noteUndo } from "@/shared/toasts.svelte";
import { expected, onDay } from "./move";
import { partsOf } from "./parts";

const tasks = () => entry("task_list", {});

/** So many steps go back with the key. */
const STEPS = 50;
const steps: (() => Promise<unknown>)[] = [];

/** Says what was done. The button and the key take the same step back, once. */
function done(text: string, undo: () => Promise<unknown>): void {
  const step = async () => {
    const at = steps.indexOf(step);
    if (at < 0) return;
    steps.splice(at, 1);
    dismiss(toast);
    await undo();
  };
  steps.push(step);
  if (steps.length > STEPS) steps.shift();
  const toast = noteUndo(text, step);
}

/** Takes back what was done last. */
export async function undoLast(): Promise<void> {
  const step = steps.at(-1);
  if (step) await attempt(step);
}

function show(view: TaskView): void {
  tasks().patch((all) => all.map((one) => (one.task.id === view.task.id ? view : one)));
}

/** Changes a task to what it says; `text` tells what that was. */
async function change(view: TaskView, task: Task, text: string): Promise<boolean> {
  show(expected(view, task));
  const changed = await attempt(() => call("task_update", task));
  if (changed) {
    show(changed);
    done(text, async () => show(await call("task_update", view.task)));
  } else {
    await tasks().refresh();
  }
  return changed !== undefined;
}

export async function setDone(view: TaskView, wanted: boolean): Promise<void> {
  const { id, title } = view.task;
  // Of one that repeats, the program opens what was done for the next time.
  const parts = partsOf(tasks().data ?? [], id).filter((part) => part.task.done_at !== null);
  // One that repeats only moves on; where to, the program knows.
  if (!wanted || view.task.recurrence === null) show({ ...view, overdue: false, task: { ...view.task, done_at: wanted ? new Date().toISOString() : null } });
  const changed = await attempt(() => call("task_set_done", { id, done: wanted }));
  if (!changed) return tasks().refresh();
  show(changed);
  if (!wanted) return done(t("task.reopenedNote", { title }), async () => show(await call("task_set_done", { id, done: true })));
  if (changed.task.done_at !== null) return done(t("task.doneNote", { title }), async () => show(await call("task_set_done", { id, done: false })));
  const next = changed.task.due ? readingText(changed.task.due) : "";
  done(t("task.doneNext", { title, when: next }), () => takeBack(view, parts));
}

/** Leaves the time that is due out of a repetition. */
export async function skip(view: TaskView): Promise<void> {
  const { id, title } = view.task;
  const parts = partsOf(tasks().data ?? [], id).filter((part) => part.task.done_at !== null);
  const changed = await attempt(() => call("task_skip", { id, day: null }));
  if (!changed) return tasks().refresh();
  show(changed);
  const next = changed.task.due ? readingText(changed.task.due) : "";
  done(t("task.skippedNote", { title, when: next }), () => takeBack(view, parts));
}

/** Brings one that repeats back to the time where it stood, with the parts that were done. */
async function takeBack(view: TaskView, parts: readonly TaskView[]): Promise<void> {
  show(await call("task_update", view.task));
  for (const part of parts) await call("task_set_done", { id: part.task.id, done: true });
}

export async function save(view: TaskView, task: Task): Promise<void> {
  if (JSON.stringify(task) === JSON.stringify(view.task)) return;
  await change(view, task, t("task.savedNote", { title: task.title }));
}

export async function moveTo(view: TaskView, day: Date | null): Promise<void> {
  const task = onDay(view, day);
  if (JSON.stringify(task.due) === JSON.stringify(view.task.due)) return;
  const when = task.due ? readingText(task.due) : t("when.none");
  await change(view, task, t("task.movedNote", { title: task.title, when }));
}

/** By whole days from where it stands; one without a day is moved from today. */
export async function moveBy(view: TaskView, days: number): Promise<void> {
  const from = dueDay(view) ?? new Date();
  await moveTo(view, new Date(from.getFullYear(), from.getMonth(), from.getDate() + days));
}

export async function setPriority(view: TaskView, priority: Priority): Promise<void> {
  if (view.task.priority === priority) return;
  await change(view, { ...view.task, priority }, t("task.priorityNote", { title: view.task.title, priority: t(PRIORITY_NAMES[priority]) }));
}

export async function remove(view: TaskView): Promise<void> {
  const { id, title } = view.task;
  const gone = new Set([id, ...partsOf(tasks().data ?? [], id).map((part) => part.task.id)]);
  const deleted = await attempt(() => call("task_delete", { id }));
  if (!deleted) return;
  tasks().patch((all) => all.filter((one) => !gone.has(one.task.id)));
  done(t("task.deletedNote", { title }), async () => {
    await call("task_restore", { id });
    await tasks().refresh();
  });
}

/** A task was added with the line. */
export function added(view: TaskView): void {
  const { id, title } = view.task;
  tasks().patch((all) => (all.some((one) => one.task.id === id) ? all : [...all, view]));
  done(t("task.addedNote", { title }), async () => {
    await call("task_delete", { id });
    await tasks().refresh();
  });
}
