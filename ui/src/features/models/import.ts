/** Imports model files that are already on this disk. Nothing is copied. */
import { call, Failure } from "@/api/backend";
import { entry } from "@/api/cache.svelte";
import type { PathProblem } from "@/api/types/PathProblem";
import { t } from "@/i18n/index.svelte";
import { note } from "@/shared/toasts.svelte";

export function isModelFile(path: string): boolean {
  return path.toLowerCase().endsWith(".gguf");
}

/** Imports each; what could not be imported comes back with one sentence. */
export async function importModels(paths: readonly string[]): Promise<PathProblem[]> {
  const problems: PathProblem[] = [];
  for (const path of paths) {
    try {
      const model = await call("model_import", { path });
      note(t("import.done", { name: model.spec.name }));
    } catch (reason) {
      const failure = Failure.from(reason);
      problems.push({ path, message: [failure.message, failure.hint].filter(Boolean).join(" ") });
    }
  }
  await entry("model_list", {}).refresh();
  return problems;
}
