import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import axe from "axe-core";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { forgetEverything } from "@/api/cache.svelte";
import { models as pretendedModels } from "@/api/mock-data";
import type { ModelList } from "@/api/types/ModelList";
import type { ModelView } from "@/api/types/ModelView";
import type { Settings } from "@/api/types/Settings";
import type { Status } from "@/api/types/Status";
import AnswerMessage from "@/features/chat/AnswerMessage.svelte";
import AutomaticCard from "@/features/models/AutomaticCard.svelte";
import ModelCard from "@/features/models/ModelCard.svelte";
import OtherServers from "@/features/models/OtherServers.svelte";
import { setLanguage } from "@/i18n/index.svelte";
import ChatView from "@/views/ChatView.svelte";
import { message, pretend, type Handlers } from "./pretend";

const MACHINE = { cpu: "c", cores: 2, memory_total: 8e9, memory_available: 4e9 };
const SETTINGS: Settings = { language: "en", theme: "light", chat_model: null, embedder: null, reranker: null, automatic_model: false, automatic_remote: false, indexing_paused: false, library_rules: { ignore: "", largest_mb: 0 }, indexing_cores: "one", pause_on_battery: true, close_to_tray: true, notifications: true, notification_sound: true, first_word_seconds: 3, quiet_hours: null, quick_add_keys: "ctrl+alt+n", calendar_feed: null, auto_lock_minutes: 0, idle_unload_minutes: 15, welcomed: true };
const all = pretendedModels();
const found = (remote: boolean): ModelView => {
  const model = all.find((one) => (one.spec.remote !== null) === remote);
  if (!model) throw new Error("no such model");
  return model;
};
const [FAR, NEAR] = [found(true), found(false)];
const KEY = "sk-very-secret";

// The page has no canvas here, and the checks of accessibility try to draw letters on one.
HTMLCanvasElement.prototype.getContext = () => null;

beforeEach(() => {
  setLanguage("en");
  forgetEverything();
});

describe("other servers", () => {
  function show(handlers: Handlers = {}, models: ModelView[] = []) {
    const list: ModelList = { models, machine: MACHINE };
    const asked = pretend({ model_list: () => list, model_endpoint_add: () => FAR, ...handlers });
    const { container } = render(OtherServers, { list });
    return { asked, container };
  }
  const type = (testid: string, value: string) => fireEvent.input(screen.getByTestId(testid), { target: { value } });

  it("are asked for their models only with the button, and added with what was typed", async () => {
    const { asked, container } = show({ model_endpoint_models: () => [{ name: "big-1", context_length: 32_768 }, { name: "b", context_length: null }] });
    await type("server-name", "Big");
    await type("server-url", "https://api.example.com/v1");
    await type("server-key", KEY);
    expect(screen.getByTestId<HTMLButtonElement>("server-add").disabled).toBe(true);
    expect(asked).toEqual([]);

    await fireEvent.click(screen.getByTestId("server-models"));
    await fireEvent.click(await screen.findByRole("button", { name: "big-1" }));
    expect(asked).toEqual([{ name: "model_endpoint_models", args: { url: "https://api.example.com/v1", key: KEY } }]);
    await fireEvent.click(screen.getByTestId("server-add"));
    await waitFor(() => expect(screen.getByTestId<HTMLInputElement>("server-key").value).toBe(""));
    expect(asked[1]).toEqual({ name: "model_endpoint_add", args: { name: "Big", url: "https://api.example.com/v1", key: KEY, model: "big-1", context_length: 32_768, vision: false, tools: true } });
    expect(container.innerHTML).not.toContain(KEY);
    expect(asked.some((one) => one.name === "model_set")).toBe(false);
  });

  it("keep what was typed when they cannot be added", async () => {
    show({
      model_endpoint_add: () => {
        throw { code: "invalid", message: "It may only be used with https://.", hint: null, trace_id: "" };
      },
    });
    await type("server-name", "Big");
    await type("server-url", "http://api.example.com/v1");
    await type("server-model", "big-1");
    await fireEvent.click(screen.getByTestId("server-add"));
    await waitFor(() => expect(screen.getByTestId<HTMLButtonElement>("server-add").disabled).toBe(false));
    expect(screen.getByTestId<HTMLInputElement>("server-url").value).toBe("http://api.example.com/v1");
  });

  it("can be edited; an empty key stays as it is", async () => {
    const { asked } = show({ model_endpoint_edit: () => FAR }, [FAR]);
    await fireEvent.click(screen.getByRole("button", { name: "Edit Big model" }));
    const field = (testid: string) => screen.getByTestId<HTMLInputElement>(testid);
    expect([field("server-name").value, field("server-url").value, field("server-key").value, field("server-model").value]).toEqual(["Big model", "https://api.example.com/v1", "", "big-1"]);
    expect(screen.getByText("Leave it empty to keep the stored key.")).not.toBeNull();
    await type("server-name", "Bigger");
    await fireEvent.click(screen.getByTestId("server-add"));
    await waitFor(() => expect(screen.queryByTestId("server-cancel")).toBeNull());
    expect(asked[0]).toEqual({ name: "model_endpoint_edit", args: { id: "far", name: "Bigger", url: "https://api.example.com/v1", key: null, model: "big-1", context_length: FAR.spec.context_length } });
    // The form is for a new one again.
    expect([field("server-name").value, screen.getByTestId("server-add").textContent?.trim()]).toEqual(["", "Add the model"]);
    await fireEvent.click(screen.getByTestId("server-edit"));
    await fireEvent.click(screen.getByTestId("server-cancel"));
    expect(field("server-url").value).toBe("");
    expect(asked.filter((one) => one.name !== "model_list")).toHaveLength(1);
  });

  it("can be tested and removed, and pass the checks of accessibility", async () => {
    const { asked, container } = show({ model_endpoint_test: () => ({ ms: 580 }), model_remove: () => ({}) }, [NEAR, FAR]);
    expect(screen.getAllByTestId("server-row")).toHaveLength(1);
    await fireEvent.click(screen.getByRole("button", { name: "Test Big model" }));
    await waitFor(() => expect(screen.getByTestId<HTMLButtonElement>("server-test").disabled).toBe(false));
    await fireEvent.click(screen.getByRole("button", { name: "Remove Big model" }));
    await waitFor(() => expect(asked.map((one) => one.name)).toContain("model_list"));
    expect(asked.slice(0, 2)).toEqual([
      { name: "model_endpoint_test", args: { id: "far" } },
      { name: "model_remove", args: { id: "far" } },
    ]);
    expect((await axe.run(container, { rules: { region: { enabled: false } } })).violations).toEqual([]);
  });
});

describe("the list of models", () => {
  it("marks what runs elsewhere, and says where questions go", () => {
    pretend({});
    const { unmount } = render(ModelCard, { model: FAR, machine: MACHINE, progress: null });
    expect(screen.getByTestId("model-elsewhere").textContent).toBe("on another server");
    expect(screen.getByTestId("model-row").textContent).toContain("sent to api.example.com");
    unmount();
    render(ModelCard, { model: NEAR, machine: MACHINE, progress: null });
    expect(screen.queryByTestId("model-elsewhere")).toBeNull();
  });

  it("lets the program choose, and other servers only with a switch of their own", async () => {
    let settings = SETTINGS;
    const asked = pretend({ settings_get: () => settings, settings_set: (next) => (settings = next) });
    render(AutomaticCard, { models: [NEAR, FAR] });
    await waitFor(() => expect(screen.getByTestId<HTMLButtonElement>("automatic-use").disabled).toBe(false));
    await fireEvent.click(screen.getByTestId("automatic-use"));
    await waitFor(() => expect(settings.automatic_model).toBe(true));
    expect(settings.automatic_remote).toBe(false);
    const choice = screen.getByRole("switch", { name: "May ask other servers" });
    expect(choice.getAttribute("aria-checked")).toBe("false");
    await fireEvent.click(choice);
    await waitFor(() => expect(settings.automatic_remote).toBe(true));
    await fireEvent.click(screen.getByTestId("automatic-stop"));
    await waitFor(() => expect(settings.automatic_model).toBe(false));
    expect(asked.filter((one) => one.name === "model_set")).toEqual([]);
  });
});

describe("an answer", () => {
  const show = (more: Parameters<typeof message>[3]) => render(AnswerMessage, { message: message("m", "assistant", "It is blue.", more), status: undefined, last: true, onretry: vi.fn() });

  it("of another server says whose it is and what was sent, in both languages", () => {
    const answerer = { model: "far", name: "Big", host: "api.example.com", reason: null };
    const { unmount } = show({ answerer });
    expect(screen.getByTestId("answer-elsewhere").textContent).toContain("Answered by Big on api.example.com; your question, the conversation so far and the passages were sent there.");
    unmount();
    setLanguage("zh-CN");
    show({ answerer });
    expect(screen.getByTestId("answer-elsewhere").textContent).toContain("由 api.example.com 上的 Big 回答");
  });

  it("that broke off says all the same what was sent", () => {
    show({ state: "failed", error: "api.example.com ended the connection.", answerer: { model: "far", name: "Big", host: "api.example.com", reason: "able" } });
    expect(screen.getByTestId("answer-elsewhere").textContent).toContain("sent there");
    expect(screen.getByTestId("answer").textContent).toContain("It is blue.");
  });

  it("of this computer has no such sign, and says why its model was chosen", () => {
    const stats = { model: "Small", prompt_tokens: 1, completion_tokens: 1, first_token_ms: 100, total_ms: 200, tokens_per_second: 10, passages_left_out: 0, hurried: false, cut: false, messages_left_out: 0, context_length: 0 };
    show({ stats, answerer: { model: "near", name: "Small", host: null, reason: "quick" } });
    expect(screen.queryByTestId("answer-elsewhere")).toBeNull();
    expect(screen.getByTestId("answer").textContent).toContain("chosen for a quick answer to a simple question");
  });
});

describe("the composer", () => {
  async function note(chat: ModelView, settings: Partial<Settings> = {}): Promise<string | null> {
    const index = { indexed: 0, pending: 0, failed: 0, chunks: 0, paused: false, on_battery: false, current: null, words_only: true, progress: null, renewal: null };
    const status: Status = { version: "", data_dir: "", chat_model: chat, embedder: null, reranker: null, index, activities: [], due_reminders: 0, desktop: false };
    pretend({
      status: () => status,
      settings_get: () => ({ ...SETTINGS, ...settings }),
      model_list: () => ({ models: [NEAR, FAR], machine: MACHINE }),
      conversation_list: () => [],
      suggestions: () => ({ items: [] }),
    });
    forgetEverything();
    const { unmount } = render(ChatView);
    const expected = settings.automatic_model ? "A model is chosen for each question" : chat.spec.name;
    await waitFor(() => expect(screen.getByTestId("composer-model").textContent).toContain(expected));
    // What is said of other servers may need the list of models, which comes last.
    if (settings.automatic_remote) await screen.findByTestId("composer-elsewhere");
    const text = screen.queryByTestId("composer-elsewhere")?.textContent ?? null;
    unmount();
    return text;
  }

  it("says before anything is sent that it goes elsewhere", async () => {
    expect(await note(NEAR)).toBeNull();
    expect(await note(FAR)).toContain("What you ask here is sent to api.example.com");
    expect(await note(FAR, { automatic_model: true })).toBeNull();
    expect(await note(NEAR, { automatic_model: true, automatic_remote: true })).toContain("may be sent to api.example.com");
  });
});
