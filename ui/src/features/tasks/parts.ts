/** Tasks that are parts of others: their order under them, how many of them are done, which task may have which part. */
import type { TaskView } from "@/api/types/TaskView";

export interface Progress {
  done: number;
  total: number;
}

/** Of every task that has parts, how many of them are done. Parts of parts count for those. */
export function progressOf(tasks: readonly TaskView[]): Map<string, Progress> {
  const all = new Map<string, Progress>();
  for (const { task } of tasks) {
    if (task.parent === null) continue;
    const { done, total } = all.get(task.parent) ?? { done: 0, total: 0 };
    all.set(task.parent, { done: done + (task.done_at === null ? 0 : 1), total: total + 1 });
  }
  return all;
}

function byParent(tasks: readonly TaskView[]): Map<string, TaskView[]> {
  const parts = new Map<string, TaskView[]>();
  for (const view of tasks) {
    const { parent } = view.task;
    const list = parent === null ? undefined : parts.get(parent);
    if (list) list.push(view);
    else if (parent !== null) parts.set(parent, [view]);
  }
  return parts;
}

/** The parts of a task and their parts, each after what it is a part of. */
export function partsOf(tasks: readonly TaskView[], id: string): TaskView[] {
  const parts = byParent(tasks);
  const all = [...(parts.get(id) ?? [])];
  // It grows while it is walked.
  for (const view of all) all.push(...(parts.get(view.task.id) ?? []));
  return all;
}

/** Those that stand in a list by themselves, and those without a day of their own, which stand under what they are a part of. */
export function apart(tasks: readonly TaskView[]): { heads: readonly TaskView[]; under: readonly TaskView[] } {
  const open = new Set<string>();
  for (const { task } of tasks) if (task.done_at === null) open.add(task.id);
  const attached = ({ task }: TaskView) => task.done_at === null && task.due === null && task.parent !== null && open.has(task.parent);
  const under = tasks.filter(attached);
  return under.length === 0 ? { heads: tasks, under } : { heads: tasks.filter((view) => !attached(view)), under };
}

/** The list with every part below what it is a part of, where that is in the list; `under` joins it there. */
export function nested(views: readonly TaskView[], under: readonly TaskView[] = []): readonly TaskView[] {
  const here = new Set(views.map((view) => view.task.id));
  const inside = ({ task }: TaskView) => task.parent !== null && here.has(task.parent);
  if (under.length === 0 && !views.some(inside)) return views;
  const parts = byParent([...views.filter(inside), ...under]);
  const all: TaskView[] = [];
  const put = (view: TaskView) => {
    all.push(view);
    for (const part of parts.get(view.task.id) ?? []) put(part);
  };
  for (const view of views) if (!inside(view)) put(view);
  return all;
}

/** How deep each task of a nested list stands, 0 at its margin. */
export function depths(views: readonly TaskView[]): number[] {
  const known = new Map<string, number>();
  return views.map(({ task }) => {
    const above = task.parent === null ? undefined : known.get(task.parent);
    const depth = above === undefined ? 0 : above + 1;
    known.set(task.id, depth);
    return depth;
  });
}

/** The open task that these words name, which this task can be a part of: by its whole title, else by a piece of it. */
export function parentNamed(tasks: readonly TaskView[], id: string, words: string): TaskView | null {
  const own = new Set([id, ...partsOf(tasks, id).map((part) => part.task.id)]);
  const wanted = words.trim().toLocaleLowerCase();
  const open = tasks.filter(({ task }) => task.done_at === null && !own.has(task.id));
  const called = (fits: (title: string) => boolean) => open.find(({ task }) => fits(task.title.toLocaleLowerCase()));
  return called((title) => title === wanted) ?? called((title) => title.startsWith(wanted)) ?? called((title) => title.includes(wanted)) ?? null;
}
