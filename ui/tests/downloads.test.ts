import { fireEvent, render, screen, within } from "@testing-library/svelte";
import axe from "axe-core";
import { beforeEach, describe, expect, it } from "vitest";
import { forgetEverything } from "@/api/cache.svelte";
import type { CatalogueView } from "@/api/types/CatalogueView";
import type { Download } from "@/api/types/Download";
import CatalogueSection from "@/features/models/CatalogueSection.svelte";
import { languageNames, progressText } from "@/features/models/downloads";
import FoundSection from "@/features/models/FoundSection.svelte";
import HubSection from "@/features/models/HubSection.svelte";
import { setLanguage } from "@/i18n/index.svelte";
import { deliver, pretend, type Handlers } from "./pretend";

const GB = 1024 ** 3;

function model(id: string, more: Partial<CatalogueView> = {}): CatalogueView {
  return {
    id,
    name: `Model ${id}`,
    role: "chat",
    repository: `owner/${id}`,
    size: 2 * GB,
    speed: 12,
    size_is_exact: true,
    licence: "Apache-2.0",
    context_length: 4096,
    languages: ["en", "zh"],
    parameters: 4e9,
    memory_needed: 3 * GB,
    fit: "fits_well",
    recommended: false,
    download: null,
    installed: null,
    ...more,
  };
}

function download(of: CatalogueView, more: Partial<Download> = {}): Download {
  return { id: `d-${of.id}`, name: of.name, repository: of.repository, state: "running", received: GB, size: of.size, bytes_per_second: 10 * 1024 ** 2, problem: null, path: `/m/${of.id}`, ...more };
}

const MODELS = [model("small", { recommended: true }), model("there", { installed: "x" }), model("big", { fit: "too_large" })];
const MACHINE = { cpu: "c", cores: 2, memory_total: 8 * GB, memory_available: 4 * GB };

function show(handlers: Handlers = {}, downloads: Download[] = []) {
  const asked = pretend({ model_catalogue: () => ({ version: 1, models: MODELS, machine: MACHINE }), model_downloads: () => downloads, ...handlers });
  render(CatalogueSection);
  return asked;
}

// The page has no canvas here, and the checks of accessibility try to draw letters on one.
HTMLCanvasElement.prototype.getContext = () => null;

beforeEach(() => {
  setLanguage("en");
  forgetEverything();
});

describe("the catalogue", () => {
  it("shows what suits the machine, with size, licence and fit, and asks for nothing by itself", async () => {
    const asked = show();
    const rows = await screen.findAllByTestId("catalogue-row");
    expect(rows.map((row) => row.dataset["id"])).toEqual(["small", "there"]);
    const text = rows[0]?.textContent ?? "";
    for (const part of ["Model small", "2\u00a0GB", "Apache-2.0", "English", "Chinese", "suits this computer", "Fits well"]) expect(text).toContain(part);
    expect(within(rows[1] as HTMLElement).queryByTestId("catalogue-download")).toBeNull();
    expect(rows[1]?.textContent).toContain("On this computer");
    expect(asked.map((one) => one.name).sort()).toEqual(["model_catalogue", "model_downloads"]);
    await fireEvent.click(screen.getByTestId("catalogue-more"));
    expect(screen.getAllByTestId("catalogue-row")).toHaveLength(3);
    expect(screen.getByText(/Too large for this computer/)).toBeTruthy();
  });

  it("downloads at the press of a button and follows the events", async () => {
    const small = MODELS[0] as CatalogueView;
    const asked = show({ model_download_start: () => download(small, { state: "queued", received: 0 }) });
    await fireEvent.click(await screen.findByTestId("catalogue-download"));
    expect(asked.find((one) => one.name === "model_download_start")?.args).toEqual({ catalogue_id: "small", repository: null, file: null });
    expect((await screen.findByTestId("download")).dataset["state"]).toBe("queued");
    deliver({ topic: "downloads_changed", downloads: [download(small)] });
    const bar = await screen.findByRole("progressbar", { name: "Download of Model small" });
    expect(bar.getAttribute("aria-valuenow")).toBe("50");
    expect(screen.getByTestId("download").textContent).toContain("10\u00a0MB/s");
    deliver({ topic: "downloads_changed", downloads: [] });
    expect(await screen.findByTestId("catalogue-download")).toBeTruthy();
  });

  it("pauses, goes on and cancels", async () => {
    const small = MODELS[0] as CatalogueView;
    const asked = show(
      {
        model_download_pause: () => download(small, { state: "paused" }),
        model_download_resume: () => download(small),
        model_download_cancel: () => [],
      },
      [download(small)],
    );
    await fireEvent.click(await screen.findByTestId("download-pause"));
    await fireEvent.click(await screen.findByTestId("download-resume"));
    expect(await screen.findByTestId("download-pause")).toBeTruthy();
    await fireEvent.click(screen.getByTestId("download-cancel"));
    expect(await screen.findByTestId("catalogue-download")).toBeTruthy();
    const told = asked.filter((one) => one.name.startsWith("model_download_"));
    expect(told.map((one) => [one.name, one.args])).toEqual(["pause", "resume", "cancel"].map((what) => [`model_download_${what}`, { id: "d-small" }]));
  });

  it("says what is wrong with one, and keeps those that are not of the catalogue", async () => {
    const other = download(model("other"), { state: "failed", problem: "The hub has no other.gguf." });
    show({}, [other]);
    const row = await screen.findByTestId("hub-row");
    expect(row.textContent).toContain("The hub has no other.gguf.");
    expect(within(row).getByTestId("download-resume")).toBeTruthy();
    expect((await axe.run(document.body, { rules: { region: { enabled: false }, "color-contrast": { enabled: false } } })).violations).toEqual([]);
  });
});

describe("the words of a download", () => {
  const of = (more: Partial<Download>) => progressText(download(model("m"), more));

  it("tell amount, speed and what is left, in both languages", () => {
    expect(of({})).toBe("1\u00a0GB of 2\u00a0GB · 10\u00a0MB/s · about 2 minutes left");
    expect(of({ bytes_per_second: 0 })).toBe("1\u00a0GB of 2\u00a0GB · nothing is coming");
    expect(of({ bytes_per_second: 50 * 1024 })).toContain("about 6 hours left");
    expect(of({ size: null })).toBe("1\u00a0GB · 10\u00a0MB/s");
    expect(of({ state: "verifying" })).toBe("Checking the file");
    setLanguage("zh-CN");
    expect(languageNames(["en", "zh", "multi"], "zh-CN")).toBe("英语、中文和多种语言");
    expect(of({ state: "paused" })).toBe("已暂停 · 1\u00a0GB / 2\u00a0GB");
  });
});

describe("the hub and other programs", () => {
  it("are asked only when told to, and a file is downloaded by name", async () => {
    const asked = pretend({
      model_downloads: () => [],
      model_search_hub: () => [{ repository: "Qwen/Q", downloads: 1, licence: "mit", gated: true }],
      model_hub_files: () => [{ file: { path: "q.gguf", size: GB, sha256: null }, fit: "tight" }],
      model_download_start: () => download(model("q")),
    });
    render(HubSection);
    await fireEvent.input(screen.getByTestId("hub-query"), { target: { value: "qwen" } });
    expect(asked.some((one) => one.name === "model_search_hub")).toBe(false);
    await fireEvent.click(screen.getByTestId("hub-search"));
    await fireEvent.click(await screen.findByRole("button", { name: /Qwen\/Q/ }));
    expect((await screen.findByTestId("hub-file")).textContent).toContain("tight");
    await fireEvent.click(screen.getByTestId("hub-download"));
    expect(asked.at(-1)).toEqual({ name: "model_download_start", args: { catalogue_id: null, repository: "Qwen/Q", file: "q.gguf" } });
  });

  it("give their models by reference", async () => {
    const found = { program: "Ollama", name: "llama3.2:1b", path: "/o/sha256-0", size: GB };
    let known: string | null = null;
    const asked = pretend({
      model_folders_scan: () => [{ found, model: known }],
      model_import: ({ path }) => {
        known = "id";
        return { spec: { name: path } } as never;
      },
      model_list: () => ({ models: [], machine: MACHINE }),
    });
    render(FoundSection);
    expect(asked).toEqual([]);
    await fireEvent.click(screen.getByTestId("found-scan"));
    await fireEvent.click(await screen.findByTestId("found-import"));
    expect(await screen.findByText("in the list")).toBeTruthy();
    expect(asked.find((one) => one.name === "model_import")?.args).toEqual({ path: "/o/sha256-0" });
  });
});
