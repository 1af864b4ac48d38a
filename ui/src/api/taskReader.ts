/** The list of tasks is read whole once, and then what changed since: ten thousand tasks are megabytes. */
import { call } from "./backend";
import type { TaskView } from "./types/TaskView";

export function taskReader(): () => Promise<TaskView[]> {
  let mark: string | null = null;
  const known = new Map<string, TaskView>();
  return async () => {
    const { mark: next, whole, changed, removed } = await call("task_changes", { mark });
    if (whole) known.clear();
    for (const view of changed) known.set(view.task.id, view);
    for (const id of removed) known.delete(id);
    mark = next;
    return [...known.values()];
  };
}
