/** Changes settings: shown at once, then confirmed by the program. */
import { call } from "@/api/backend";
import { entry } from "@/api/cache.svelte";
import type { Settings } from "@/api/types/Settings";
import { attempt } from "@/shared/toasts.svelte";

export async function change(part: Partial<Settings>): Promise<void> {
  const kept = entry("settings_get", {});
  const before = kept.data;
  if (!before) return;
  const next = { ...before, ...part };
  kept.data = next;
  const confirmed = await attempt(() => call("settings_set", next));
  kept.data = confirmed ?? before;
}
