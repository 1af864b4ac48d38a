/** Imports model files that are already on this disk. Nothing is copied. */
import { call, Failure } from "@/api/backend";
import { entry } from "@/api/cache.svelte";
import type { PathProblem } from "@/api/types/PathProblem";
import { t } from "@/i18n/index.svelte";
import { note } from "@/shared/toasts.svelte";

export function isModelFile(path: string): boolean {
  return /\.(gguf|safetensors|uqff)$/i.test(path);
}

/** More is a drop of documents: they are not looked at one by one. */
const MOST_FOLDERS = 20;

/** Imports what is a folder with a model; the paths of everything else come back. */
export async function importFolders(paths: readonly string[]): Promise<string[]> {
  const others: string[] = [];
  for (const path of paths) {
    const model = paths.length > MOST_FOLDERS ? null : await call("model_import", { path }).catch(() => null);
    if (model) note(t("import.done", { name: model.spec.name }));
    else others.push(path);
  }
  if (others.length < paths.length) await entry("model_list", {}).refresh();
  return others;
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
