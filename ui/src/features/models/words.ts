/** What a computer can run, in one plain sentence. Figures come from the program; only the wording is decided here. */
import type { Backend } from "@/api/types/Backend";
import type { Calibration } from "@/api/types/Calibration";
import type { Machine } from "@/api/types/Machine";
import type { ModelFormat } from "@/api/types/ModelFormat";
import type { ModelView } from "@/api/types/ModelView";
import { number, size } from "@/i18n/format";
import { t, type Key } from "@/i18n/index.svelte";

/** Left to the system and other programs when saying what fits. */
const LEFT_FREE = 0.25;

export function machineSentence(machine: Machine): string {
  const room = machine.memory_total * (1 - LEFT_FREE);
  return t("machine.sentence", {
    cores: machine.cores,
    total: size(machine.memory_total),
    free: size(machine.memory_available),
    room: size(room),
  });
}

export type Fit = "fits" | "tight" | "tooBig";

/** Tight: it fits, but hardly anything else does beside it. */
export function fitOf(model: ModelView, machine: Machine): Fit {
  if (!model.fits) return "tooBig";
  return model.spec.memory_needed > machine.memory_available * 0.8 ? "tight" : "fits";
}

export const FIT_NAMES: Record<Fit, Key> = { fits: "fit.fits", tight: "fit.tight", tooBig: "fit.tooBig" };

/** What the engines call themselves; not translated. */
export const ENGINE_NAMES: Record<Backend, string> = { llama_cpp: "llama.cpp", mistral_rs: "mistral.rs", candle: "candle", remote: "" };

/** What the formats of models call themselves; not translated. */
export const FORMAT_NAMES: Record<ModelFormat, string> = { gguf: "GGUF", safetensors: "safetensors", uqff: "UQFF", remote: "" };

/** How fast the engines were on this computer, and which one runs the model because of it. `chosen`: by the user, against all figures. */
export function measuredSentence(calibration: Calibration, chosen: Backend | null, fastest: Backend | null): string {
  const trials = calibration.trials.map(({ backend, outcome }) => {
    const engine = ENGINE_NAMES[backend];
    if (outcome.state === "measured") {
      return t("model.trial", { engine, reads: number(outcome.prompt_tokens_per_second, 0), writes: number(outcome.tokens_per_second, 1) });
    }
    return outcome.state === "too_slow" ? t("model.trialSlow", { engine }) : t("model.trialFailed", { engine, reason: outcome.reason });
  });
  const used = chosen ? t("model.engineChosen", { engine: ENGINE_NAMES[chosen] }) : fastest ? t("model.engineFastest", { engine: ENGINE_NAMES[fastest] }) : "";
  return t("model.measured", { trials: trials.join(t("list.separator")), used }).trim();
}
