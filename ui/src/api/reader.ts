/** Lists that are read whole once, in pages, and then what changed since: ten thousand rows are megabytes. */
import { call } from "./backend";
import type { Document } from "./types/Document";
import type { TaskView } from "./types/TaskView";

interface Changes<T> {
  mark: string;
  whole: boolean;
  more: boolean;
  changed: T[];
  removed: string[];
}

/** A row that did not change stays the same object. */
function reader<T>(ask: (mark: string | null) => Promise<Changes<T>>, idOf: (row: T) => string): () => Promise<T[]> {
  let mark: string | null = null;
  const known = new Map<string, T>();
  return async () => {
    for (let more = true; more; ) {
      const answer = await ask(mark);
      if (answer.whole) known.clear();
      for (const row of answer.changed) known.set(idOf(row), row);
      for (const id of answer.removed) known.delete(id);
      ({ mark, more } = answer);
    }
    return [...known.values()];
  };
}

export function taskReader(): () => Promise<TaskView[]> {
  return reader(
    (mark) => call("task_changes", { mark }),
    (view) => view.task.id,
  );
}

export function documentReader(): () => Promise<Document[]> {
  let reading = new Set<string>();
  const read = reader(
    async (mark) => {
      const answer = await call("document_changes", { mark });
      reading = new Set(answer.reading);
      return answer;
    },
    (document) => document.id,
  );
  return async () => (await read()).map((one) => (reading.has(one.id) ? { ...one, state: "indexing" } : one));
}
