import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import axe from "axe-core";
import { beforeEach, describe, expect, it } from "vitest";
import { forgetEverything } from "@/api/cache.svelte";
import { models as pretendedModels } from "@/api/mock-data";
import type { ModelView } from "@/api/types/ModelView";
import ModelCard from "@/features/models/ModelCard.svelte";
import ModelSettings from "@/features/models/ModelSettings.svelte";
import { setLanguage } from "@/i18n/index.svelte";
import { pretend, type Handlers } from "./pretend";

const MACHINE = { cpu: "c", cores: 2, memory_total: 8e9, memory_available: 4e9 };
const loaded = pretendedModels().find((one) => one.state === "loaded");
if (!loaded) throw new Error("no such model");
const MODEL: ModelView = loaded;
const set = (settings: Partial<ModelView["spec"]["settings"]>, context = MODEL.context): ModelView => ({ ...MODEL, context, spec: { ...MODEL.spec, settings: { ...MODEL.spec.settings, ...settings } } });

HTMLCanvasElement.prototype.getContext = () => null;

beforeEach(() => {
  setLanguage("en");
  forgetEverything();
});

describe("the settings of a model", () => {
  function show(model: ModelView, handlers: Handlers = {}) {
    const asked = pretend({ model_configure: () => ({ models: [model], machine: MACHINE }), ...handlers });
    render(ModelSettings, { open: true, model });
    return asked;
  }
  const field = (testid: string) => screen.getByTestId<HTMLInputElement>(testid);

  it("are saved as they were typed; what is empty is the usual", async () => {
    const asked = show(set({ top_p: 0.9 }));
    expect(field("set-top-p").value).toBe("0.9");
    expect([field("set-context").placeholder, field("set-context").max]).toEqual(["8,192", "32768"]);
    await fireEvent.input(field("set-context"), { target: { value: "16384" } });
    await fireEvent.input(field("set-temperature"), { target: { value: "0.7" } });
    await fireEvent.input(field("set-top-p"), { target: { value: "" } });
    await fireEvent.click(screen.getByTestId("set-save"));
    await waitFor(() => expect(screen.queryByTestId("set-save")).toBeNull());
    expect(asked).toEqual([{ name: "model_configure", args: { id: MODEL.spec.id, backend: null, settings: { context: 16_384, temperature: 0.7, top_p: null, quantisation: null, template: null } } }]);
  });

  it("go back to the usual, and pass the checks of accessibility", async () => {
    const asked = show(set({ context: 16_384, temperature: 1 }));
    expect(screen.queryByTestId("set-context-short")).not.toBeNull();
    expect((await axe.run(document.body, { rules: { region: { enabled: false } } })).violations).toEqual([]);
    await fireEvent.click(screen.getByTestId("set-reset"));
    await waitFor(() => expect(screen.queryByTestId("set-reset")).toBeNull());
    expect(asked[0]?.args).toEqual({ id: MODEL.spec.id, backend: null, settings: { context: null, temperature: null, top_p: null, quantisation: null, template: null } });
  });

  it("have a template and the bits of the weights where these can be chosen", async () => {
    const folder: ModelView = { ...MODEL, spec: { ...MODEL.spec, format: "safetensors", settings: { ...MODEL.spec.settings, template: "{{ old }}" } } };
    const asked = show(folder);
    expect(screen.getByTestId<HTMLDetailsElement>("set-advanced").open).toBe(true);
    expect(field("set-template").value).toBe("{{ old }}");
    await fireEvent.input(field("set-template"), { target: { value: "{{ messages }}" } });
    await fireEvent.change(field("set-quantisation"), { target: { value: "four_bits" } });
    await fireEvent.click(screen.getByTestId("set-save"));
    await waitFor(() => expect(screen.queryByTestId("set-save")).toBeNull());
    expect(asked[0]?.args).toMatchObject({ settings: { quantisation: "four_bits", template: "{{ messages }}" } });
  });

  it("leave weights that are already quantised as they are", () => {
    render(ModelSettings, { open: true, model: { ...MODEL, spec: { ...MODEL.spec, format: "uqff" } } });
    expect(screen.getByTestId("set-template")).toBeTruthy();
    expect(screen.queryByTestId("set-quantisation")).toBeNull();
  });

  it("hide what is for few, and what a model of another server does not have", () => {
    const { unmount } = render(ModelSettings, { open: true, model: MODEL });
    expect(screen.getByTestId<HTMLDetailsElement>("set-advanced").open).toBe(false);
    expect(screen.queryByTestId("set-quantisation")).toBeNull();
    unmount();
    const remote = { url: "https://api.example.com/v1", host: "api.example.com", model: "m", vision: false };
    render(ModelSettings, { open: true, model: { ...MODEL, spec: { ...MODEL.spec, format: "remote", remote } } });
    expect(screen.queryByTestId("set-advanced")).toBeNull();
  });

  it("stay as they were typed when they are refused", async () => {
    show(MODEL, {
      model_configure: () => {
        throw { code: "invalid", message: "A temperature is a number from 0 to 2.", hint: null, trace_id: "" };
      },
    });
    expect(screen.queryByTestId("set-context-short")).toBeNull();
    await fireEvent.input(field("set-temperature"), { target: { value: "1.5" } });
    await fireEvent.click(screen.getByTestId("set-save"));
    await waitFor(() => expect(screen.getByTestId<HTMLButtonElement>("set-save").disabled).toBe(false));
    expect(field("set-temperature").value).toBe("1.5");
  });
});

describe("a model's card", () => {
  function show(view: Partial<ModelView>) {
    const model = { ...MODEL, ...view };
    const list = { models: [model], machine: MACHINE };
    const asked = pretend({ model_list: () => list, model_set: () => list, model_load: () => list, model_unload: () => list });
    render(ModelCard, { model, machine: MACHINE, progress: null });
    return asked;
  }
  const calls = (asked: readonly { name: string; args: unknown }[]) => asked.filter((one) => one.name !== "model_list");
  const args = { id: MODEL.spec.id };

  it("of a model that is loaded but not chosen offers both to use it and to unload it", async () => {
    const asked = show({ chosen: false });
    expect(screen.getByTestId("model-row").textContent).toContain("In memory, ready at once");
    expect(screen.queryByText("In use")).toBeNull();
    await fireEvent.click(screen.getByTestId("model-unload"));
    await waitFor(() => expect(calls(asked)).toEqual([{ name: "model_unload", args }]));
    await fireEvent.click(screen.getByTestId("model-use"));
    await waitFor(() => expect(calls(asked)[1]).toEqual({ name: "model_set", args: { role: "chat", id: MODEL.spec.id } }));
  });

  it("of the chosen one that is not in memory says when it is loaded again", async () => {
    const asked = show({ chosen: true, state: "available", stats: null });
    expect(screen.getByTestId("model-row").textContent).toContain("In use");
    expect(screen.getByTestId("model-row").textContent).toContain("the next question loads it");
    await fireEvent.click(screen.getByTestId("model-load"));
    await waitFor(() => expect(calls(asked)).toEqual([{ name: "model_load", args }]));
    await fireEvent.click(screen.getByRole("button", { name: "Stop using" }));
    await waitFor(() => expect(calls(asked)[1]).toEqual({ name: "model_set", args: { role: "chat", id: null } }));
  });

  it("of one that puts passages in order is for that, and has nothing to set", async () => {
    const asked = show({ chosen: false, state: "available", stats: null, spec: { ...MODEL.spec, role: "reranker" } });
    expect(screen.getByTestId("model-row").textContent).not.toContain("context");
    await fireEvent.click(screen.getByTestId("model-use"));
    await waitFor(() => expect(calls(asked)).toEqual([{ name: "model_set", args: { role: "reranker", id: MODEL.spec.id } }]));
  });

  it("of the chosen one in memory is as it always was", async () => {
    const asked = show({ chosen: true });
    expect(screen.getByTestId("model-row").textContent).not.toContain("ready at once");
    await fireEvent.click(screen.getByRole("button", { name: "Unload" }));
    await waitFor(() => expect(calls(asked)).toEqual([{ name: "model_set", args: { role: "chat", id: null } }]));
  });
});
