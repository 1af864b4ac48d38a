/** Adds files and folders to the library and says what became of them. */
import { call } from "@/api/backend";
import { entry } from "@/api/cache.svelte";
import type { PathProblem } from "@/api/types/PathProblem";
import { t } from "@/i18n/index.svelte";
import { nameOf } from "@/shared/places";
import { note } from "@/shared/toasts.svelte";

/** Adds paths; what could not be added comes back, each with one sentence. Throws when nothing could be asked. */
export async function addToLibrary(paths: string[]): Promise<PathProblem[]> {
  const added = await call("knowledge_add", { paths });
  await entry("source_list", {}).refresh();
  const first = added.sources[0];
  if (first) {
    note(
      added.sources.length === 1
        ? t("library.addedOne", { name: nameOf(first.path) })
        : t("library.addedMany", { count: added.sources.length }),
    );
  }
  return added.problems;
}
