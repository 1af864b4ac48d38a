/** What is done to tasks, shown at once and taken back with one press. */
import { call } from "@/api/backend";
import { entry } from "@/api/cache.svelte";
import type { Task } from "@/api/types/Task";
import type { TaskView } from "@/api/types/TaskView";
import { t } from "@/i18n/index.svelte";
import { attempt, noteUndo } from "@/shared/toasts.svelte";

const tasks = () => entry("task_list", {});

function show(view: TaskView): void {
  tasks().patch((all) => all.map((one) => (one.task.id === view.task.id ? view : one)));
}

export async function setDone(view: TaskView, done: boolean): Promise<void> {
  const { id, title } = view.task;
  show({ ...view, task: { ...view.task, done_at: done ? new Date().toISOString() : null } });
  const changed = await attempt(() => call("task_set_done", { id, done }));
  if (changed) show(changed);
  else await tasks().refresh();
  if (changed && done) {
    noteUndo(t("task.doneNote", { title }), async () => show(await call("task_set_done", { id, done: false })));
  }
}

export async function save(view: TaskView, task: Task): Promise<void> {
  show({ ...view, task });
  const changed = await attempt(() => call("task_update", task));
  if (changed) show(changed);
  else await tasks().refresh();
}

export async function remove(view: TaskView): Promise<void> {
  const { id, title } = view.task;
  const deleted = await attempt(() => call("task_delete", { id }));
  if (!deleted) return;
  tasks().patch((all) => all.filter((one) => one.task.id !== id));
  noteUndo(t("task.deletedNote", { title }), async () => {
    await call("task_restore", { id });
    await tasks().refresh();
  });
}
