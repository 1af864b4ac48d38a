/** The pretended program's catalogue, downloads and hub. Not part of the product. */
import { deliver, Failure } from "./backend";
import type { Answer, CommandName, Request } from "./commands";
import { GB } from "./mock-data";
import type { CatalogueView } from "./types/CatalogueView";
import type { Download } from "./types/Download";
import type { Machine } from "./types/Machine";

type Supply = "model_catalogue" | "model_downloads" | "model_download_start" | "model_download_pause" | "model_download_resume" | "model_download_cancel" | "model_search_hub" | "model_hub_files" | "model_delete" | "model_folders_scan";
type Handlers = { [N in Supply & CommandName]: (args: Request<N>) => Answer<N> };

const BEAT_MS = 250;
/** Bytes per second. */
const SPEED = 0.05 * GB;

function offered(): CatalogueView[] {
  const model = (id: string, name: string, size: number, more: Partial<CatalogueView> = {}): CatalogueView => ({
    id,
    name,
    role: "chat",
    repository: `someone/${id}`,
    size,
    size_is_exact: false,
    licence: "Apache-2.0",
    context_length: 32_768,
    languages: ["en", "zh", "multi"],
    parameters: size * 1.6,
    memory_needed: size * 1.3,
    fit: "fits_well",
    recommended: false,
    speed: (30 * GB) / size,
    download: null,
    installed: null,
    ...more,
  });
  return [
    model("qwen3-4b-2507", "Qwen3 4B Instruct 2507", 2.5 * GB, { recommended: true }),
    model("llama-3.2-3b", "Llama 3.2 3B Instruct", 2 * GB, { licence: "Llama 3.2 Community", languages: ["en", "de", "fr", "it", "pt", "hi", "es", "th"] }),
    model("smollm3-3b", "SmolLM3 3B", 1_915_305_312, { size_is_exact: true, languages: ["en", "fr", "es", "de", "it", "pt"] }),
    model("qwen3-0.6b", "Qwen3 0.6B", 0.64 * GB, { installed: "qwen3-4b" }),
    model("mistral-7b-v0.3", "Mistral 7B Instruct v0.3", 4.4 * GB, { fit: "tight", languages: ["en", "fr", "de", "es", "it"] }),
    model("qwen3-14b", "Qwen3 14B", 9 * GB, { fit: "too_large" }),
    model("minilm-multilingual", "paraphrase-multilingual-MiniLM-L12-v2", 0.48 * GB, { role: "embedder", recommended: true, languages: ["multi", "en", "zh"] }),
  ];
}

export function pretendSupply(machine: () => Machine): Handlers {
  const models = offered();
  let downloads: Download[] = [];
  let beat: ReturnType<typeof setInterval> | null = null;

  const tell = () => deliver({ topic: "downloads_changed", downloads: structuredClone(downloads) });
  const change = (id: string, next: Partial<Download>): Download => {
    const found = downloads.find((one) => one.id === id);
    if (!found) throw new Failure({ code: "not_found", message: "There is no such download." });
    Object.assign(found, next);
    return found;
  };

  function run(): void {
    for (const one of downloads) {
      if (one.state !== "running") continue;
      one.received = Math.min(one.received + (SPEED * BEAT_MS) / 1000, one.size ?? Infinity);
      one.bytes_per_second = SPEED;
    }
    const done = downloads.filter((one) => one.received === one.size);
    for (const one of done) {
      const model = models.find((model) => model.name === one.name);
      if (model) model.installed = "qwen3-4b";
      deliver({ topic: "models_changed" });
    }
    downloads = downloads.filter((one) => !done.includes(one));
    if (beat !== null && !downloads.some((one) => one.state === "running")) {
      clearInterval(beat);
      beat = null;
    }
    tell();
  }

  function go(id: string): Download {
    const download = change(id, { state: "running", problem: null });
    beat ??= setInterval(run, BEAT_MS);
    return download;
  }

  return {
    model_catalogue: () => ({ version: 1, models, machine: machine() }),
    model_downloads: () => downloads,
    model_download_start: ({ catalogue_id, repository, file }) => {
      const model = models.find((one) => one.id === catalogue_id);
      const id = catalogue_id ?? `${repository ?? ""}/${file ?? ""}`;
      if (!downloads.some((one) => one.id === id)) {
        downloads.push({
          id,
          name: model?.name ?? file ?? "",
          repository: model?.repository ?? repository ?? "",
          state: "running",
          received: 0,
          size: model?.size ?? 1.2 * GB,
          bytes_per_second: 0,
          problem: null,
          path: `/home/mia/models/${id}`,
        });
      }
      return go(id);
    },
    model_download_pause: ({ id }) => change(id, { state: "paused", bytes_per_second: 0 }),
    model_download_resume: ({ id }) => go(id),
    model_download_cancel: ({ id }) => (downloads = downloads.filter((one) => one.id !== id)),
    model_search_hub: ({ query }) =>
      ["Qwen/Qwen3-4B-GGUF", "ggml-org/gemma-3-4b-it-GGUF"]
        .filter((repository) => repository.toLowerCase().includes(query.trim().toLowerCase()))
        .map((repository) => ({ repository, downloads: 1000, licence: "apache-2.0", gated: false })),
    model_hub_files: () => [
      { file: { path: "model-Q4_K_M.gguf", size: 2.5 * GB, sha256: null }, fit: "fits_well" },
      { file: { path: "model-Q8_0.gguf", size: 4.3 * GB, sha256: null }, fit: "tight" },
    ],
    model_delete: () => ({ reclaimed: 2.5 * GB }),
    model_folders_scan: () => [
      { found: { program: "LM Studio", name: "Qwen3-4B-Q4_K_M", path: "/home/mia/.lmstudio/models/qwen/Qwen3-4B-Q4_K_M.gguf", size: 2.5 * GB }, model: null },
      { found: { program: "Ollama", name: "llama3.2:1b", path: "/home/mia/.ollama/models/blobs/sha256-0", size: 1.3 * GB }, model: "llama-8b" },
    ],
  };
}
