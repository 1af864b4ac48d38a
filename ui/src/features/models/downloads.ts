/** Starting, pausing and ending downloads, and what is said of one. The program decides; this only asks and words. */
import { call } from "@/api/backend";
import { entry } from "@/api/cache.svelte";
import type { CatalogueView } from "@/api/types/CatalogueView";
import type { Download } from "@/api/types/Download";
import type { ModelFit } from "@/api/types/ModelFit";
import { number, size } from "@/i18n/format";
import { t, type Key } from "@/i18n/index.svelte";
import { attempt } from "@/shared/toasts.svelte";

/** A single connection that lasts this long is said in hours. */
const HOUR = 3600;
const MINUTE = 60;

export const FIT_LABELS: Record<ModelFit, Key> = { fits_well: "catalogue.fits", tight: "catalogue.tight", too_large: "catalogue.tooLarge" };

/** In a word, where there is no room for a sentence. */
export const FIT_WORDS: Record<ModelFit, Key> = { fits_well: "hub.fits", tight: "hub.tight", too_large: "hub.tooLarge" };

/** Names of languages are short codes in the catalogue; the browser knows what they are called. */
export function languageNames(codes: readonly string[], tag: string): string {
  const names = new Intl.DisplayNames([tag], { type: "language" });
  const words = codes.map((code) => (code === "multi" ? t("catalogue.manyLanguages") : (names.of(code) ?? code)));
  return new Intl.ListFormat(tag).format(words);
}

/** Its facts in one line: size, number of parameters, licence, and how fast it will write here. */
export function factsOf(model: CatalogueView): string {
  const bytes = size(model.size);
  const parameters = model.parameters >= 1e9 ? `${number(model.parameters / 1e9, 1)} B` : `${number(model.parameters / 1e6)} M`;
  const facts = [model.size_is_exact ? bytes : t("catalogue.about", { size: bytes }), t("catalogue.parameters", { count: parameters }), model.licence];
  if (model.role === "chat") facts.push(t("catalogue.speed", { speed: number(model.speed, model.speed < 10 ? 1 : 0) }));
  else facts.push(t(model.role === "embedder" ? "models.embedder" : "models.reranker"));
  return facts.join(" · ");
}

export function downloadOf(model: CatalogueView, downloads: readonly Download[]): Download | null {
  return downloads.find((one) => one.repository === model.repository && one.name === model.name) ?? null;
}

/** From 0 to 1; null while the size is not known. */
export function shareOf(download: Download): number | null {
  return download.size ? Math.min(download.received / download.size, 1) : null;
}

function remaining(download: Download): string | null {
  if (!download.size || download.bytes_per_second <= 0) return null;
  const seconds = (download.size - download.received) / download.bytes_per_second;
  if (seconds >= HOUR) return t("download.hours", { count: Math.round(seconds / HOUR) });
  if (seconds >= MINUTE) return t("download.minutes", { count: Math.round(seconds / MINUTE) });
  return t("download.seconds", { count: Math.max(1, Math.round(seconds)) });
}

/** What happens with it, in one line. */
export function progressText(download: Download): string {
  const received = size(download.received);
  const amount = download.size ? t("download.amount", { received, size: size(download.size) }) : received;
  switch (download.state) {
    case "queued":
      return t("download.queued");
    case "verifying":
    case "done":
      return t("download.verifying");
    case "paused":
      return `${t("download.paused")} · ${amount}`;
    case "failed":
    case "retrying":
      return amount;
    case "running": {
      const speed = download.bytes_per_second > 0 ? t("download.speed", { speed: size(download.bytes_per_second) }) : t("download.stalled");
      return [amount, speed, remaining(download)].filter((part) => part !== null).join(" · ");
    }
  }
}

/** Shows an answer that is a download at once; the events bring the rest. */
function show(download: Download | undefined): void {
  const list = entry("model_downloads", {});
  if (!download) {
    void list.refresh();
    return;
  }
  list.patch((all) => (all.some((one) => one.id === download.id) ? all.map((one) => (one.id === download.id ? download : one)) : [...all, download]));
}

export async function startDownload(what: { catalogue_id: string } | { repository: string; file: string }): Promise<void> {
  show(await attempt(() => call("model_download_start", { catalogue_id: null, repository: null, file: null, ...what })));
}

export async function pauseDownload(id: string): Promise<void> {
  show(await attempt(() => call("model_download_pause", { id })));
}

export async function resumeDownload(id: string): Promise<void> {
  show(await attempt(() => call("model_download_resume", { id })));
}

export async function cancelDownload(id: string): Promise<void> {
  const left = await attempt(() => call("model_download_cancel", { id }));
  const list = entry("model_downloads", {});
  if (left) list.data = left;
  else await list.refresh();
}
