/**
 * The real desktop program in a real window, on a private display, driven as a user would: fresh data, the small model,
 * a dropped folder, questions in both languages, a reminder, the tray.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { Api } from "./lib/api.mjs";
import * as flow from "./lib/flow.mjs";
import { copyLibrary, FILES } from "./lib/library.mjs";
import { Page } from "./lib/page.mjs";
import { alive, descendants, ENGINE } from "./lib/processes.mjs";
import { built, OUTPUT } from "./lib/programs.mjs";
import { pictured } from "./lib/steps.mjs";
import { Session } from "./lib/session.mjs";
import { until } from "./lib/wait.mjs";

const DESKTOP = built("moltworker-desktop");
const SHOTS = path.join(OUTPUT, "shots");

describe("the window", { timeout: 15 * 60_000 }, () => {
  let session, driver, page, library;

  // From the screen, not from the driver: its own pictures hang when the accelerated renderer is off, and this is what a
  // user sees.
  const shoot = async (file) => session.picture(file, (await session.windows("^Moltworker$"))[0]);
  const step = pictured("window", (file) => session.picture(file));

  before(async () => {
    session = await Session.start("window");
    library = copyLibrary(path.join(session.folder, "library"));
    ({ driver } = await session.drive(DESKTOP));
    page = new Page(driver);
  });
  after(async () => {
    await driver?.quit().catch(() => {});
    await session?.stop();
  });

  step("opens on the first page, and one key leaves it", async () => {
    await page.see("welcome");
    await page.settled();
    await shoot(path.join(SHOTS, "window-welcome.png"));
    await flow.welcome(page);
  });

  step("loads the small model", () => flow.loadSmallModel(page));

  step("takes files that are dragged into it", async () => {
    const [window] = await session.windows("^Moltworker$");
    await session.drag(FILES.slice(0, 1).map((file) => path.join(library, file)), window);
    await flow.indexed(page, 1);
  });

  step("takes a folder, and reads all of it", async () => {
    await page.call("knowledge_add", { paths: [library] });
    await flow.indexed(page);
    await flow.search(page, "Brenn warehouse", "notes.md");
    await flow.search(page, "远山科技", "周会纪要.txt");
  });

  step("answers in both languages with a citation that opens the passage", () => flow.askEach(page));

  step("opens a citation of a PDF on its page, with the passage marked", () => flow.openPage(page, "window", shoot));

  step("draws a Chinese page that has no font", () => flow.openFontless(page, "window", shoot));

  step("brings back a deleted conversation", () => flow.deleteAndUndo(page));

  step("understands a task in one line", async () => {
    await flow.quickAdd(page, "Water the plants tomorrow at 9am", "Water the plants");
    await flow.quickAdd(page, "明天上午9点给植物浇水", "给植物浇水");
  });

  step("follows an edited and a deleted file", async () => {
    const notes = path.join(library, "notes.md");
    fs.appendFileSync(notes, "\nThe parking level of the Brenn warehouse is P3.\n");
    await until("the new line to be found", async () => {
      const { passages } = await page.call("knowledge_search", { query: "parking level", limit: 5, source_id: null });
      return passages.some((passage) => passage.text.includes("P3"));
    }, { within: 20_000 });
    fs.rmSync(notes);
    await until("the deleted file to be forgotten", async () => {
      const { passages } = await page.call("knowledge_search", { query: "Brenn warehouse", limit: 5, source_id: null });
      return passages.every((passage) => passage.document_name !== "notes.md");
    }, { within: 20_000 });
    copyLibrary(library);
    await flow.indexed(page);
  });

  step("reminds on the desktop, in the window and in the tray", async () => {
    const plain = (await session.tray()).icon;
    const picture = fs.readFileSync(plain);
    await page.go("tasks");
    const title = await flow.remindSoon(page, "Call Paula Novak");
    const shown = await session.notification((one) => one.title === title, { within: 45_000 });
    assert.equal(shown.app, "Moltworker");
    assert.deepEqual(Object.keys(shown.actions).sort(), ["default", "done", "snooze"]);
    await page.see("reminder-card", { text: title });
    await until("the tray's dot", async () => !fs.readFileSync((await session.tray()).icon).equals(picture));
    assert.ok((await session.tray()).menu.some((entry) => entry.label === "1 reminder waiting"));

    // The desktop may press before the program listens, as a very fast user would: then the user presses again.
    await until("the task to be done", async () => {
      session.press(shown, "done");
      const task = (await page.call("task_list")).find((view) => view.task.title === title);
      return task.task.done_at !== null;
    }, { every: 500 });
    await page.gone("reminder-card");
    await until("the plain tray", async () => fs.readFileSync((await session.tray()).icon).equals(picture));
  });

  step("takes the notification away when the reminder is answered in the window", async () => {
    const title = await flow.remindSoon(page, "Order boxes");
    const shown = await session.notification((one) => one.title === title, { within: 45_000 });
    await page.see("reminder-card", { text: title });
    await page.click("reminder-done");
    await until("the notification to go", () => session.seen("closed").some((one) => one.id === shown.id));
  });

  step("speaks the language of the settings in the tray as well", async () => {
    const settings = await page.call("settings_get");
    await page.call("settings_set", { ...settings, language: "zh-CN" });
    await until("a Chinese tray", async () => (await session.tray()).menu.some((entry) => entry.label === "暂停索引"));
    await page.call("settings_set", { ...settings, language: "en" });
    await until("an English tray", async () => (await session.tray()).menu.some((entry) => entry.label === "Pause indexing"));
  });

  step("pauses indexing from the tray", async () => {
    await session.choose("Pause indexing");
    await until("indexing to pause", async () => (await page.call("status")).index.paused);
    assert.ok((await session.tray()).menu.find((entry) => entry.label === "Pause indexing").checked);
    await session.choose("Pause indexing");
    await until("indexing to go on", async () => !(await page.call("status")).index.paused);
  });

  step("looks right in every view, both languages, light and dark", async () => {
    const files = await flow.pictures(page, "window", shoot);
    assert.equal(files.length, 20);
    for (const file of files) assert.ok(fs.statSync(file).size > 10_000, `${file} shows something`);
  });

  /** Types a line into the quick-add window and waits until it is a task and the window is gone. */
  async function quickly(title) {
    const [window] = await until("the quick-add window", async () => {
      const found = await session.windows("^Quick add$");
      return found.length > 0 && found;
    });
    await session.xdotool("windowfocus", "--sync", window);
    await until("the new task", async () => {
      if ((await page.call("task_list")).some((view) => view.task.title === title)) return true;
      // The page needs a moment until it takes what is typed.
      await session.xdotool("key", "--window", window, "ctrl+a");
      await session.xdotool("type", "--window", window, title);
      await session.xdotool("key", "--window", window, "Return");
      return false;
    }, { every: 1000 });
    await until("the quick-add window to close", async () => (await session.windows("^Quick add$")).length === 0);
  }

  step("opens the line for a quick task from the tray", async () => {
    await session.choose("Quick add…");
    await quickly("Buy tea");
  });

  step("opens it by keys of the whole system, those of the settings", async () => {
    const settings = await page.call("settings_get");
    const none = async () => (await session.windows("^Quick add$")).length === 0;
    assert.equal(settings.quick_add_keys, "ctrl+alt+n");
    await session.xdotool("key", "ctrl+alt+n");
    await quickly("Buy coffee");
    await page.call("settings_set", { ...settings, quick_add_keys: "ctrl+alt+shift+f9" });
    await until("the other keys to work", async () => {
      await session.xdotool("key", "ctrl+alt+shift+F9");
      return !(await none());
    }, { every: 500 });
    await quickly("Buy cocoa");
    await session.xdotool("key", "ctrl+alt+n");
    await page.call("settings_set", { ...settings, quick_add_keys: null });
    assert.ok(await none(), "keys that were given back open nothing");
    await page.call("settings_set", settings);
  });
});

describe("the program without its window", { timeout: 5 * 60_000 }, () => {
  let session, program, api;

  const step = pictured("tray", (file) => session.picture(file));
  const mainWindow = () => session.windows("^Moltworker$");
  const start = async () => {
    program = session.start(DESKTOP);
    await until("the window", async () => (await mainWindow()).length === 1, { within: 30_000 });
    api = await Api.ofOwner(session.data);
  };

  before(async () => {
    session = await Session.start("tray");
    await start();
  });
  after(() => session?.stop());

  step("closes to the tray and gives its web view back", async () => {
    const [window] = await mainWindow();
    await until("the web view", () => descendants(program.pid, "WebKitWebProcess").length > 0);
    await session.close(window);
    await until("the window to go", async () => (await mainWindow()).length === 0);
    await until("the web view to end", () => descendants(program.pid, "WebKitWebProcess").length === 0);
    assert.ok(alive(program.pid), "the program runs on");
  });

  step("reminds in a small window that takes no focus", async () => {
    await flow.remindSoon(api, "Stand up");
    const [window] = await until("the reminder window", async () => {
      const found = await session.windows("^Reminders$");
      return found.length > 0 && found;
    }, { within: 45_000 });
    const { x, y, width } = await session.geometry(window);
    assert.ok(x + width > 1440 - 40 && y < 60, `it stands in the upper right corner, not at ${x}, ${y}`);
    assert.notEqual(await session.xdotool("getwindowfocus").catch(() => ""), window);
    await session.picture(path.join(SHOTS, "reminder-window.png"), window);
  });

  step("a second start brings the first window back and ends", async () => {
    const second = await session.run(DESKTOP);
    assert.equal(second.code, 0, second.stderr);
    await until("the window", async () => (await mainWindow()).length === 1);
    assert.ok(alive(program.pid));
  });

  step("the command line talks to the running program", async () => {
    const { code, stdout } = await session.run(built("moltworker"), ["task", "list", "--json"]);
    assert.equal(code, 0);
    assert.ok(stdout.includes("Stand up"));
  });

  step("ends from the tray and leaves nothing behind", async () => {
    const workers = descendants(program.pid, ENGINE);
    await session.choose("Quit");
    await until("the program to end", () => program.status !== null, { within: 15_000 });
    assert.deepEqual(program.status, { code: 0, signal: null });
    await until("its workers to end", () => workers.every((pid) => !alive(pid)));
    assert.ok(!fs.existsSync(path.join(session.data, "owner.json")));
  });

  step("stays closed when the setting says so", async () => {
    await start();
    await api.call("settings_set", { ...(await api.call("settings_get")), close_to_tray: false });
    // A search can miss a window that the window manager is just framing.
    const [window] = await until("the window to be found", async () => {
      const found = await mainWindow();
      return found.length > 0 && found;
    });
    await session.close(window);
    await until("the program to end", () => program.status !== null, { within: 15_000 });
    assert.equal(program.status.code, 0);
  });
});

describe("a start that cannot succeed", { timeout: 3 * 60_000 }, () => {
  test("without a display says what to do instead", async () => {
    const session = await Session.start("blind");
    try {
      session.env = { ...session.env, DISPLAY: "", WAYLAND_DISPLAY: "" };
      const { code, stderr } = await session.run(DESKTOP);
      assert.equal(code, 1);
      assert.match(stderr, /no display.*moltworker web/i);
    } finally {
      await session.stop();
    }
  });

  test("with data that another program holds says so in a window, and ends", async () => {
    const session = await Session.start("taken");
    try {
      const owner = session.start(built("moltworker"), ["serve", "--port", "0"]);
      await Api.ofOwner(session.data);
      const program = session.start(DESKTOP);
      const [, sentence] = await program.waitFor(/^(Moltworker is already running.*)$/, { within: 30_000 });
      assert.ok(sentence.includes(session.data));
      const [dialog] = await until("the dialog", async () => {
        const found = await session.windows("cannot start");
        return found.length > 0 && found;
      });
      await session.picture(path.join(SHOTS, "start-failed.png"), dialog);
      await session.xdotool("windowfocus", "--sync", dialog);
      await until("the program to end", async () => {
        await session.xdotool("key", "Return").catch(() => "");
        return program.status !== null;
      }, { every: 500 });
      assert.equal(program.status.code, 1);
      assert.equal(owner.status, null);
    } finally {
      await session.stop();
    }
  });
});
