/** Words for the days and marks that tasks are moved to with one press. */
import type { Key } from "@/i18n/index.svelte";
import type { DayName } from "./move";

export const DAY_LABELS: Record<DayName, Key> = {
  today: "when.today",
  tomorrow: "when.tomorrow",
  nextWeek: "when.nextWeek",
  none: "when.none",
};
