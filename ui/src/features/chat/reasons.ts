/** Why the program chose a model, in words. */
import type { RouteReason } from "@/api/types/RouteReason";
import type { Key } from "@/i18n/index.svelte";

export const REASON_WORDS: Record<RouteReason, Key> = {
  kept: "reason.kept",
  only: "reason.only",
  quick: "reason.quick",
  able: "reason.able",
  length: "reason.length",
  language: "reason.language",
  ability: "reason.ability",
  failing: "reason.failing",
};
