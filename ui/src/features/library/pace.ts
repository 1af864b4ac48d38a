/** How far reading is, in one line. */
import type { IndexProgress } from "@/api/types/IndexProgress";
import { number, percent, roughly, size } from "@/i18n/format";
import { t } from "@/i18n/index.svelte";

/** "37.4 % · 12 files/s · about 3 min left": what is known of it. Files that take longer than a second each are counted by their size. */
export function paceText({ done, files_per_second, bytes_per_second, seconds_left }: IndexProgress): string {
  // Rounded down: it is not at its end before it is.
  const parts = [percent(Math.floor(done * 1000) / 1000, 1)];
  if (files_per_second !== null && files_per_second >= 1) parts.push(t("index.files", { count: number(files_per_second, files_per_second < 10 ? 1 : 0) }));
  else if (bytes_per_second !== null && bytes_per_second >= 1) parts.push(t("index.bytes", { size: size(bytes_per_second) }));
  if (seconds_left !== null) parts.push(t("index.left", { time: roughly(seconds_left) }));
  return parts.join(" · ");
}
