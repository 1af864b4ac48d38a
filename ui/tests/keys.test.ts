import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, describe, expect, it } from "vitest";
import { entry, forgetEverything } from "@/api/cache.svelte";
import { pretendKeys } from "@/api/mock-keys";
import type { KeyStatus } from "@/api/types/KeyStatus";
import type { Settings } from "@/api/types/Settings";
import type { Status } from "@/api/types/Status";
import IndexFoot from "@/features/library/IndexFoot.svelte";
import SettingsPage from "@/features/settings/SettingsPage.svelte";
import { setLanguage } from "@/i18n/index.svelte";
import { toasts } from "@/shared/toasts.svelte";
import App from "@/views/App.svelte";
import WelcomePage from "@/views/WelcomePage.svelte";
import { type Handlers, deliver, pretend } from "./pretend";

const PASSPHRASE = "four words of mine";
const SETTINGS: Settings = { language: "en", theme: "light", chat_model: null, embedder: null, reranker: null, automatic_model: false, automatic_remote: false, indexing_paused: false, library_rules: { ignore: "", largest_mb: 0 }, indexing_cores: "one", pause_on_battery: true, close_to_tray: true, notifications: true, notification_sound: true, first_word_seconds: 3, quiet_hours: null, quick_add_keys: "ctrl+alt+n", calendar_feed: null, auto_lock_minutes: 0, idle_unload_minutes: 15, welcomed: true };
const STATUS: Status = { version: "0.1.0", data_dir: "/data", chat_model: null, embedder: null, reranker: null, index: { indexed: 0, pending: 0, failed: 0, chunks: 0, paused: false, on_battery: false, current: null, words_only: true, progress: null, renewal: null }, activities: [], due_reminders: 0, desktop: false };

beforeEach(() => {
  setLanguage("en");
  forgetEverything();
});

/** The pretended program; what is locked answers nothing but calls about keys. */
function program(scene: "locked" | null, more: Handlers = {}) {
  const keys = pretendKeys(scene);
  const open = <T>(answer: T) => (): T => {
    if (keys.key_status({}).locked) throw { code: "locked", message: "Your data is locked.", hint: null, trace_id: "" };
    return answer;
  };
  return pretend({ settings_get: open(SETTINGS), status: open(STATUS), conversation_list: open([]), reminder_list: open([]), suggestions: open({ items: [] }), ...keys, ...more });
}

const type = (testid: string, value: string) => fireEvent.input(screen.getByTestId(testid), { target: { value } });
const press = (testid: string) => fireEvent.click(screen.getByTestId(testid));
const asked = (calls: readonly { name: string; args: unknown }[], name: string) => calls.filter((one) => one.name === name).map((one) => one.args);

describe("locked data", () => {
  it("shows a page that unlocks it, and says when the passphrase is another", async () => {
    const calls = program("locked");
    render(App);
    await screen.findByTestId("unlock");
    expect(screen.queryByTestId("rail")).toBeNull();
    expect(toasts.list).toEqual([]);
    expect(screen.getByTestId<HTMLButtonElement>("unlock-submit").disabled).toBe(true);
    await type("unlock-secret", "something else");
    await press("unlock-submit");
    expect((await screen.findByTestId("unlock-refused")).textContent).toContain("This is not the passphrase.");
    await type("unlock-secret", PASSPHRASE);
    await press("unlock-submit");
    await waitFor(() => expect(screen.queryByTestId("unlock")).toBeNull());
    expect(asked(calls, "key_unlock")).toEqual([
      { passphrase: "something else", recovery_code: null },
      { passphrase: PASSPHRASE, recovery_code: null },
    ]);
    await waitFor(() => expect(entry("settings_get", {}).data).toEqual(SETTINGS));
  });

  it("takes a recovery code where there is one", async () => {
    const status: KeyStatus = { locked: true, problem: null, keyring: null, passphrase: true, recovery: true, file: false, exposed: false, recovered: false, copy: null };
    const calls = program("locked", { key_status: () => status });
    render(App);
    await screen.findByTestId("unlock");
    expect(screen.getByTestId<HTMLInputElement>("unlock-secret").type).toBe("password");
    await press("unlock-swap");
    expect(screen.getByLabelText<HTMLInputElement>("Recovery code").type).toBe("text");
    await type("unlock-secret", "7K3QX");
    await press("unlock-submit");
    expect((await screen.findByTestId("unlock-refused")).textContent).toContain("typing mistake");
    expect(asked(calls, "key_unlock")).toEqual([{ passphrase: null, recovery_code: "7K3QX" }]);
  });

  it("tells why it did not open by itself, and tries again", async () => {
    const status: KeyStatus = { locked: true, problem: "The system's keyring cannot be used: it did not answer.", keyring: "Secret Service", passphrase: false, recovery: false, file: false, exposed: false, recovered: false, copy: null };
    const calls = program("locked", { key_status: () => status, key_unlock: () => Object.assign(status, { locked: false, problem: null }) });
    render(App);
    await screen.findByTestId("unlock");
    expect(screen.getByRole("alert").textContent).toContain("it did not answer");
    expect(screen.queryByTestId("unlock-secret")).toBeNull();
    await press("unlock-again");
    await waitFor(() => expect(screen.queryByTestId("unlock")).toBeNull());
    expect(asked(calls, "key_unlock")).toEqual([{ passphrase: null, recovery_code: null }]);
  });

  it("keeps nothing of what was read before", async () => {
    program(null);
    render(App);
    await waitFor(() => expect(entry("settings_get", {}).data).toEqual(SETTINGS));
    await waitFor(() => expect(entry("key_status", {}).data?.locked).toBe(false));
    entry("key_status", {}).data = { ...(entry("key_status", {}).data as KeyStatus), locked: true };
    await screen.findByTestId("unlock");
    expect(entry("settings_get", {}).data).toBeUndefined();
    expect(entry("status", {}).data).toBeUndefined();
  });

  it("that is damaged is put back from its copy, and only when asked", async () => {
    const status: KeyStatus = { locked: true, problem: "The data file /data/moltworker.db is damaged. It was left as it is.", keyring: null, passphrase: true, recovery: true, file: false, exposed: false, recovered: false, copy: "2026-11-21T12:00:00Z" };
    const calls = program("locked", { key_status: () => status, data_restore: () => Object.assign(status, { locked: false, problem: null, copy: null }) });
    render(App);
    await screen.findByTestId("restore");
    expect(screen.getByRole("heading").textContent).toBe("Your data is damaged");
    expect(screen.getByRole("alert").textContent).toContain("moltworker.db is damaged");
    expect(screen.getByTestId("unlock").textContent).toMatch(/A sound copy of .*2026.* can take its place/);
    expect(screen.queryByTestId("unlock-secret")).toBeNull();
    expect(asked(calls, "data_restore")).toEqual([]);
    await press("restore");
    await waitFor(() => expect(screen.queryByTestId("unlock")).toBeNull());
    expect(asked(calls, "data_restore")).toEqual([{}]);
  });

  it("says why a copy could not be put back", async () => {
    const status: KeyStatus = { locked: true, problem: "Damaged.", keyring: null, passphrase: false, recovery: false, file: true, exposed: true, recovered: false, copy: "2026-11-21T12:00:00Z" };
    program("locked", {
      key_status: () => status,
      data_restore: () => {
        throw { code: "unavailable", message: "The disk is full.", hint: null, trace_id: "" };
      },
    });
    render(App);
    await press((await screen.findByTestId("restore")).dataset["testid"] as string);
    expect((await screen.findByTestId("unlock-refused")).textContent).toContain("The disk is full.");
    expect(screen.getByTestId<HTMLButtonElement>("restore").disabled).toBe(false);
  });

  it("is noticed by an event", async () => {
    const status: KeyStatus = { locked: false, problem: null, keyring: null, passphrase: true, recovery: false, file: false, exposed: false, recovered: false, copy: null };
    program(null, { key_status: () => status });
    render(App);
    await waitFor(() => expect(entry("key_status", {}).data?.locked).toBe(false));
    status.locked = true;
    deliver({ topic: "keys_changed" });
    await screen.findByTestId("unlock");
  });
});

describe("the keys in the settings", () => {
  const open = async (more: Handlers = {}) => {
    const calls = program(null, more);
    render(SettingsPage);
    await screen.findByTestId("key-set");
    return calls;
  };

  it("say plainly when the key lies beside the data, and take a passphrase", async () => {
    const calls = await open();
    expect(screen.getByTestId("key-notice").dataset["state"]).toBe("file");
    expect(screen.getByTestId("key-notice").textContent).toContain("anyone who can read your files can read your data");
    expect(screen.getByTestId("key-protection").textContent).toContain("The key lies in a file beside the data.");
    expect(screen.getByTestId<HTMLButtonElement>("key-lock").disabled).toBe(true);
    await press("key-set");
    await screen.findByTestId("key-new");
    await type("key-new", PASSPHRASE);
    await type("key-again", "another");
    await press("key-submit");
    expect((await screen.findByTestId("key-refused")).textContent).toContain("The two are not the same.");
    expect(asked(calls, "key_set_passphrase")).toEqual([]);
    await type("key-again", PASSPHRASE);
    await press("key-submit");
    await waitFor(() => expect(screen.queryByTestId("key-new")).toBeNull());
    expect(asked(calls, "key_set_passphrase")).toEqual([{ old: null, new: PASSPHRASE, asks_at_start: true }]);
    await waitFor(() => expect(screen.getByTestId("key-protection").textContent).toContain("The passphrase opens it at every start."));
    expect(screen.getByTestId("key-protection").textContent).toContain("Make new keys");
    expect(screen.queryByTestId("key-notice")).toBeNull();
    expect(screen.getByTestId<HTMLButtonElement>("key-lock").disabled).toBe(false);
  });

  it("show a recovery code once", async () => {
    await open();
    await press("key-recovery");
    await screen.findByTestId("key-submit");
    await press("key-submit");
    const code = (await screen.findByTestId("recovery-code")).textContent ?? "";
    expect(code).toMatch(/^([0-9A-Z]{5}-){7}[0-9A-Z]{5}$/);
    await press("key-done");
    await waitFor(() => expect(document.body.textContent).not.toContain(code));
    await waitFor(() => expect(screen.getByTestId("key-protection").textContent).toContain("A recovery code opens it as well."));
  });

  it("ask for the passphrase before new keys are made", async () => {
    const status: KeyStatus = { locked: false, problem: null, keyring: null, passphrase: true, recovery: false, file: false, exposed: true, recovered: false, copy: null };
    const calls = await open({
      key_status: () => status,
      key_rotate: ({ passphrase }) => {
        if (passphrase !== PASSPHRASE) throw { code: "invalid", message: "This is not the passphrase.", hint: null, trace_id: "" };
        return { code: null };
      },
    });
    await press("key-rotate");
    await screen.findByTestId("key-old");
    expect(screen.getByTestId<HTMLButtonElement>("key-submit").disabled).toBe(true);
    await type("key-old", "wrong");
    await press("key-submit");
    expect((await screen.findByTestId("key-refused")).textContent).toContain("This is not the passphrase.");
    await type("key-old", PASSPHRASE);
    await press("key-submit");
    await waitFor(() => expect(screen.queryByTestId("key-old")).toBeNull());
    expect(asked(calls, "key_rotate")).toEqual([{ passphrase: "wrong" }, { passphrase: PASSPHRASE }]);
  });

  it("do not ask for a forgotten passphrase after the recovery code", async () => {
    const status: KeyStatus = { locked: false, problem: null, keyring: null, passphrase: true, recovery: true, file: false, exposed: false, recovered: true, copy: null };
    const calls = await open({ key_status: () => status, key_set_passphrase: () => status });
    await press("key-set");
    await screen.findByTestId("key-new");
    expect(screen.queryByTestId("key-old")).toBeNull();
    await type("key-new", PASSPHRASE);
    await type("key-again", PASSPHRASE);
    await press("key-submit");
    await waitFor(() => expect(asked(calls, "key_set_passphrase")).toEqual([{ old: null, new: PASSPHRASE, asks_at_start: true }]));
  });

  it("are said in Chinese too", async () => {
    setLanguage("zh-CN");
    await open();
    expect(screen.getByText("加密与密钥")).toBeTruthy();
    expect(screen.getByTestId("key-protection").textContent).toContain("密钥存放在数据旁边的文件里");
  });
});

describe("the keys at the first start", () => {
  const KEYRING: KeyStatus = { locked: false, problem: null, keyring: "Secret Service", passphrase: false, recovery: false, file: false, exposed: false, recovered: false, copy: null };
  const MACHINE = { cpu: "A processor", cores: 2, memory_total: 8e9, memory_available: 4e9 };
  const open = async (more: Handlers = {}) => {
    const settings = { ...SETTINGS, welcomed: false };
    const calls = program(null, { settings_get: () => settings, settings_set: (next) => Object.assign(settings, next), source_list: () => [], model_list: () => ({ models: [], machine: MACHINE }), ...more });
    render(WelcomePage);
    await screen.findByTestId("key-notice");
    return calls;
  };
  const state = () => screen.getByTestId("key-notice").dataset["state"];

  it("are said to lie in a file, and one dialog sets a passphrase", async () => {
    const calls = await open();
    expect(state()).toBe("file");
    expect(screen.getByRole("alert").textContent).toContain("anyone who can read your files can read your data");
    await press("key-notice-set");
    await screen.findByTestId("key-new");
    await type("key-new", PASSPHRASE);
    await type("key-again", PASSPHRASE);
    await press("key-submit");
    await waitFor(() => expect(state()).toBe("no-code"));
    expect(asked(calls, "key_set_passphrase")).toEqual([{ old: null, new: PASSPHRASE, asks_at_start: true }]);
    expect(screen.queryByRole("alert")).toBeNull();
    expect(screen.queryByTestId("key-notice-set")).toBeNull();
    expect(screen.getByTestId("key-notice").textContent).toContain("only a recovery code does");
    // Nothing of it is in the way of those who want to start.
    expect(screen.getByTestId<HTMLButtonElement>("welcome-start").disabled).toBe(false);
  });

  it("keep saying so where only a recovery code was made", async () => {
    await open();
    await press("key-notice-code");
    await press("key-submit");
    await screen.findByTestId("recovery-code");
    await press("key-done");
    await waitFor(() => expect(screen.queryByTestId("key-notice-code")).toBeNull());
    expect(state()).toBe("file");
    expect(screen.getByTestId("key-notice-set")).toBeTruthy();
  });

  it("offer a recovery code once also where a keyring opens the data", async () => {
    const status = { ...KEYRING };
    await open({ key_status: () => status, key_recovery_new: () => ((status.recovery = true), { code: "7K3QX-M2ZP4" }) });
    expect(state()).toBe("no-code");
    expect(screen.queryByRole("alert")).toBeNull();
    expect(screen.queryByTestId("key-notice-set")).toBeNull();
    await press("key-notice-code");
    await press("key-submit");
    expect((await screen.findByTestId("recovery-code")).textContent).toBe("7K3QX-M2ZP4");
    await press("key-done");
    await waitFor(() => expect(state()).toBe("safe"));
    expect(screen.getByTestId("key-notice").textContent).toContain("A recovery code opens it as well.");
    expect(screen.queryByTestId("key-notice-code")).toBeNull();
  });

  it("do not let Escape take the page away together with the code", async () => {
    const calls = await open();
    await press("key-notice-code");
    await press("key-submit");
    const code = await screen.findByTestId("recovery-code");
    await fireEvent.keyDown(code, { key: "Escape" });
    await waitFor(() => expect(screen.queryByTestId("recovery-code")).toBeNull());
    expect(asked(calls, "settings_set")).toEqual([]);
    await fireEvent.keyDown(document.body, { key: "Escape" });
    await waitFor(() => expect(asked(calls, "settings_set")).toHaveLength(1));
  });
});

describe("a computer on its battery", () => {
  it("says that files wait, and lets the user read on all the same", async () => {
    const index = { ...STATUS.index, pending: 3, on_battery: true, current: "a.pdf" };
    const calls = program(null, { status: () => ({ ...STATUS, index }), settings_set: (settings) => settings });
    render(IndexFoot);
    await screen.findByText("Paused: on battery, 3 files waiting");
    expect(screen.queryByText("a.pdf")).toBeNull();
    expect(screen.queryByTestId("index-pause")).toBeNull();
    render(SettingsPage);
    await fireEvent.click(await screen.findByRole("switch", { name: "Wait while on battery" }));
    await waitFor(() => expect(asked(calls, "settings_set").map((one) => (one as Settings).pause_on_battery)).toEqual([false]));
  });
});

describe("an index that takes the place of another", () => {
  it("is told with how far it is, behind files that wait", async () => {
    let index = { ...STATUS.index, indexed: 40, renewal: 0.25 };
    program(null, { status: () => ({ ...STATUS, index }) });
    render(IndexFoot);
    await screen.findByText("The search index is being prepared: 25%");
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("25");
    index = { ...index, pending: 3 };
    await entry("status", {}).refresh();
    await screen.findByText("Reading, 3 files left");
  });
});

describe("the processor for reading files", () => {
  it("can be more than the one core that it is at first", async () => {
    const calls = program(null, { settings_set: (settings) => settings });
    render(SettingsPage);
    const one = await screen.findByRole("radio", { name: "One core" });
    expect((one as HTMLInputElement).checked).toBe(true);
    await fireEvent.click(screen.getByRole("radio", { name: "All cores" }));
    await waitFor(() => expect(asked(calls, "settings_set").map((all) => (all as Settings).indexing_cores)).toEqual(["all"]));
  });
});

describe("what is left out of the library", () => {
  it("is saved when the user says so, and kept for mending when it is refused", async () => {
    let refused = true;
    const calls = program(null, {
      settings_set: (settings) => {
        if (refused) throw { code: "invalid", message: "The line “[z-a]” is no pattern.", hint: null, trace_id: "" };
        return settings;
      },
    });
    render(SettingsPage);
    await screen.findByTestId("ignored-files");
    const saved = () => asked(calls, "settings_set").map((one) => (one as Settings).library_rules);
    expect(screen.queryByRole("button", { name: "Save" })).toBeNull();
    await type("ignored-files", "[z-a]");
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(toasts.list.map((toast) => toast.text).join()).toContain("no pattern"));
    expect(screen.getByTestId<HTMLTextAreaElement>("ignored-files").value).toBe("[z-a]");
    refused = false;
    await type("ignored-files", "drafts/");
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Save" })).toBeNull());
    await fireEvent.click(screen.getByRole("radio", { name: "20 MB" }));
    await waitFor(() => expect(saved().length).toBe(3));
    expect(saved()).toEqual([{ ignore: "[z-a]", largest_mb: 0 }, { ignore: "drafts/", largest_mb: 0 }, { ignore: "drafts/", largest_mb: 20 }]);
  });
});
