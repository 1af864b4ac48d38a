/** Which tasks a view of the list shows, named in the address. */
import type { TaskView } from "@/api/types/TaskView";
import { type TaskGroup, taskGroup } from "@/shared/tasks";

export type Filter = { kind: "all" | "today" | "upcoming" | "done" } | { kind: "category"; name: string };

const CATEGORY = "category:";

export function filterOf(id: string | null): Filter {
  if (id?.startsWith(CATEGORY)) return { kind: "category", name: id.slice(CATEGORY.length) };
  if (id === "today" || id === "upcoming" || id === "done") return { kind: id };
  return { kind: "all" };
}

export function idOf(filter: Filter): string | null {
  if (filter.kind === "category") return CATEGORY + filter.name;
  return filter.kind === "all" ? null : filter.kind;
}

const GROUPS: Record<Exclude<Filter["kind"], "category">, readonly TaskGroup[]> = {
  all: ["overdue", "today", "upcoming", "noDate", "done"],
  today: ["overdue", "today"],
  upcoming: ["upcoming"],
  done: ["done"],
};

export function groupsOf(filter: Filter): readonly TaskGroup[] {
  return filter.kind === "category" ? GROUPS.all : GROUPS[filter.kind];
}

export function matching(tasks: readonly TaskView[], filter: Filter): TaskView[] {
  return filter.kind === "category" ? tasks.filter((view) => view.task.category === filter.name) : [...tasks];
}

/** How many open tasks a filter has. */
export function countOpen(tasks: readonly TaskView[], filter: Filter, now: Date): number {
  const groups = groupsOf(filter);
  return matching(tasks, filter).filter((view) => {
    const group = taskGroup(view, now);
    return group !== "done" && groups.includes(group);
  }).length;
}
