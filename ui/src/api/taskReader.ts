/** The list of tasks is read whole once, in pages, and then what changed since: ten thousand tasks are megabytes. */
import { call } from "./backend";
import type { TaskView } from "./types/TaskView";

export function taskReader(): () => Promise<TaskView[]> {
  let mark: string | null = null;
  const known = new Map<string, TaskView>();
  return async () => {
    for (let more = true; more; ) {
      const answer = await call("task_changes", { mark });
      if (answer.whole) known.clear();
      for (const view of answer.changed) known.set(view.task.id, view);
      for (const id of answer.removed) known.delete(id);
      ({ mark, more } = answer);
    }
    return [...known.values()];
  };
}
