/**
 * Tasks and reminders in the real window: lines in both languages and their chips, a notification that is put off and one that
 * is answered, what came due while the program was closed, dragging in the calendar. The clock is the test's, so minutes take none.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe } from "node:test";

import { Clock } from "./lib/clock.mjs";
import * as flow from "./lib/flow.mjs";
import { dueIn } from "./lib/library.mjs";
import { KEY, Page } from "./lib/page.mjs";
import { built } from "./lib/programs.mjs";
import { Session } from "./lib/session.mjs";
import { pictured } from "./lib/steps.mjs";
import { until } from "./lib/wait.mjs";

const DESKTOP = built("moltworker-desktop");
const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** What a person has to do, for the pictures: as many as a good week has, in both languages. */
const LINES = [
  "Send the signed contract to Brenn today at 5pm p1 #Lyra @office // the scan is in the shared folder",
  "Call Paula about the delivery today at 6:30pm p2 @phone",
  "Review the budget table tomorrow at 10am #Lyra {Dec 4} !30min",
  "Water the plants every Friday p4 @home",
  "Book the train to Oslo in 3 days p2 #Trip",
  "Dentist in 4 days at 8:15am",
  "Write the report for the steering group, with the figures of all three sites and what the auditors said in spring, in 8 days #Lyra @office @writing",
  "Read the lease",
  "明天下午3点给王敏打电话 #工作 @电话 p2",
  "今天晚上8点提交周报 #工作 p1",
  "每周一上午9点团队例会 #工作",
  "后天交房租 @家 // 转账后截图",
  "给妈妈买生日礼物",
];
const FINISHED = ["Buy a lamp #Home", "Answer the auditors p1 #Lyra", "预订会议室 #工作"];

describe("tasks in the window", { timeout: 10 * 60_000 }, () => {
  let session, clock, driver, page;

  const window = async () => (await session.windows("^Moltworker$"))[0];
  const shoot = async (file) => session.picture(file, await window());
  const step = pictured("tasks", (file) => session.picture(file));

  const start = async () => {
    ({ driver } = await session.drive(DESKTOP));
    page = new Page(driver);
  };
  /** Ends the program, lets time go by, and starts it again. */
  const startAfter = async (seconds) => {
    await session.choose("Quit");
    await until("the program to end", () => !fs.existsSync(path.join(session.data, "owner.json")));
    await driver.quit().catch(() => {});
    clock.advance(seconds);
    await start();
    await page.see("nav-tasks");
  };

  const tasks = async () => (await page.call("task_list")).map((view) => view.task);
  const task = async (title) => (await tasks()).find((one) => one.title === title);
  const add = (title, seconds) =>
    page.call("task_add", {
      title, notes: null, priority: "normal", category: null, due: dueIn(seconds, clock.now()), recurrence: null,
    });
  const day = (seconds) => dueIn(seconds, clock.now()).at.slice(0, 10);
  const waiting = async () => (await page.call("reminder_list")).map((view) => view.task.title).sort();
  const notified = (title) => session.seen("notify").filter((one) => one.title === title);
  const notification = (title, count = 1) => until(`notification ${count} of ${title}`, () => notified(title)[count - 1]);
  /** Presses a button of a notification; the desktop may press before the program listens, and then the user presses again. */
  const press = (shown, action, answered) =>
    until(`${action} to be taken`, async () => {
      session.press(shown, action);
      return answered();
    }, { every: 500 });

  /** Kind and words of each piece that was understood. */
  const chips = async () => {
    const found = await page.all("quick-chip");
    return Promise.all(found.map(async (chip) => [await driver.attribute(chip, "data-kind"), (await driver.text(chip)).trim()]));
  };
  const understood = (...kinds) =>
    until(`the chips ${kinds}`, async () => {
      const found = await chips();
      return found.map(([kind]) => kind).join() === kinds.join() && found;
    });
  const speak = async (language) => {
    await page.call("settings_set", { ...(await page.call("settings_get")), language });
    await until("the language", () => driver.run("return document.documentElement.lang === arguments[0]", language));
  };

  before(async () => {
    session = await Session.start("tasks");
    clock = await Clock.in(session.folder);
    session.env = { ...session.env, ...clock.env };
    await start();
    await flow.welcome(page);
  });
  after(async () => {
    await driver?.quit().catch(() => {});
    await session?.stop();
  });

  step("shows what it understands of an English line, and gives a piece back to the title", async () => {
    await page.go("tasks");
    await page.fill("quick-add", "Call Anna tomorrow at 3pm p1 #Work @phone !30min");
    const found = await understood("when", "priority", "category", "label", "reminder");
    assert.match(found[0][1], /^Tomorrow.*(15:00|3:00\sPM)$/);
    assert.deepEqual(found.slice(1).map(([, words]) => words), ["Urgent priority", "Work", "phone", "30 minutes before"]);

    const [drop] = await driver.all('[data-testid="quick-chip"][data-kind="label"] .drop');
    await driver.click(drop);
    await understood("when", "priority", "category", "reminder");
    await page.press(KEY.enter);
    const added = await until("the task", () => task("Call Anna @phone"));
    assert.equal(added.due.at, `${day(DAY)}T15:00:00`);
    assert.deepEqual([added.priority, added.category, added.labels, added.remind_before], ["urgent", "Work", [], [30]]);
    await page.see("task-row", { text: "Call Anna @phone" });
  });

  step("does the same in Chinese, with the keyboard alone", async () => {
    await speak("zh-CN");
    await page.fill("quick-add", "明天下午3点给王敏打电话 #工作 @电话 p2 !30分钟");
    const found = await understood("when", "category", "label", "priority", "reminder");
    assert.match(found[0][1], /^明天.*15:00$/);
    assert.deepEqual(found.slice(1).map(([, words]) => words), ["工作", "电话", "优先级：高", "提前 30 分钟"]);

    await page.press([KEY.down, KEY.right, KEY.delete]);
    await understood("when", "label", "priority", "reminder");
    await page.press(KEY.enter);
    const added = await until("the task", () => task("给王敏打电话 #工作"));
    assert.equal(added.due.at, `${day(DAY)}T15:00:00`);
    assert.deepEqual([added.priority, added.category, added.labels, added.remind_before], ["high", null, ["电话"], [30]]);
    await page.see("task-row", { text: "给王敏打电话 #工作" });
    await speak("en");
  });

  step("puts a reminder off for ten minutes from its notification, and completes one from its notification", async () => {
    await add("Take the bread out", 1);
    await add("Call the bank", 9 * MINUTE);
    const first = await notification("Take the bread out");
    await page.see("reminder-card", { text: "Take the bread out" });
    await press(first, "snooze", async () => (await waiting()).length === 0);
    await page.gone("reminder-card");
    assert.equal((await task("Take the bread out")).done_at, null);

    // What is due now comes with the same look at the clock at which the other would come too early.
    clock.advance(9 * MINUTE);
    const bank = await notification("Call the bank");
    assert.deepEqual(await waiting(), ["Call the bank"]);
    await page.see("reminder-card", { text: "Call the bank" });
    await press(bank, "done", async () => (await task("Call the bank")).done_at !== null);
    await page.gone("reminder-card");
    assert.deepEqual(await waiting(), []);

    clock.advance(MINUTE);
    const again = await notification("Take the bread out", 2);
    const [{ reminder }] = await page.call("reminder_list");
    assert.equal(reminder.late, false);
    await page.see("reminder-card", { text: "Take the bread out" });
    await page.click("reminder-done");
    await until("the notification to go", () => session.seen("closed").some((one) => one.id === again.id));
    assert.deepEqual([notified("Call the bank").length, notified("Take the bread out").length], [1, 2]);
  });

  step("offers ten minutes, an hour, this evening and tomorrow in the window", async () => {
    await add("Stretch", 1);
    await page.see("reminder-card", { text: "Stretch" });
    await page.click("reminder-snooze");
    await page.see("snooze-hour");
    const offered = await driver.run("return [...document.querySelectorAll('[data-testid^=\"snooze-\"]')].map((one) => one.dataset.testid)");
    // In the evening there is no "tonight", and after midnight the next morning is not tomorrow.
    assert.match(offered.join(), /^snooze-minutes10,snooze-hour,(snooze-tonight,)?snooze-(tomorrow|morning)$/);
    await page.click("snooze-hour");
    await until("it to be put off", async () => (await waiting()).length === 0);
    clock.advance(60 * MINUTE);
    await notification("Stretch", 2);
    await page.click("reminder-done");
    await page.gone("reminder-card");
  });

  step("lists what came due while it was closed, once and marked late", async () => {
    await add("Move the car", 5 * MINUTE);
    await add("Feed the cat", 10 * MINUTE);
    await startAfter(30 * MINUTE);
    const missed = await page.call("reminder_list");
    assert.deepEqual(missed.map(({ task: { title }, reminder: { late } }) => [title, late]), [["Move the car", true], ["Feed the cat", true]]);
    await page.see("missed-reminders", { text: "While you were away" });
    await page.see("missed-reminders", { text: "Move the car" });
    const shown = await notification("Move the car");
    assert.match(shown.body, /was due earlier/);
    await shoot(path.join(flow.SHOTS, "tasks-missed.png"));
    await press(shown, "done", async () => (await task("Move the car")).done_at !== null);

    // Another start shows what is still waiting, the same reminder and no new one; what was answered is over.
    await startAfter(30 * MINUTE);
    const left = await page.call("reminder_list");
    assert.deepEqual(left.map(({ reminder }) => reminder), [missed[1].reminder]);
    await page.see("missed-reminders", { text: "Feed the cat" });
    await notification("Feed the cat", 2);
    assert.equal(notified("Move the car").length, 1);
    await page.click("reminder-done");
    await page.gone("missed-reminders");
  });

  step("moves a task to another day when it is dragged in the calendar, and back", async () => {
    await page.open("tasks/calendar");
    await page.see("calendar");
    const { task: moved } = await add("Paint the fence", 180 * MINUTE);
    const from = moved.due.at.slice(0, 10);
    const days = await driver.run("return [...document.querySelectorAll('[data-day]')].map((one) => one.dataset.day)");
    // A month has four rows at least; this one is two rows away, where the drag crosses other days.
    const to = days[(days.indexOf(from) + 15) % days.length];
    const { x, y } = await session.geometry(await window());
    const middle = async (selector) => {
      const place = await until(selector, () =>
        driver.run("const box = document.querySelector(arguments[0])?.getBoundingClientRect(); return box && { x: box.x + box.width / 2, y: box.y + box.height / 2 }", selector));
      return { x: x + place.x, y: y + place.y };
    };
    const due = async () => (await task("Paint the fence")).due.at;
    await session.pull(await middle(`[data-task="${moved.id}"]`), await middle(`[data-day="${to}"]`), () =>
      until("the day under the mouse", () => driver.run("return document.querySelector('.day.over')?.dataset.day === arguments[0]", to)));
    await until("the new day", async () => (await due()) === to + moved.due.at.slice(10));
    await until("the task there", () => driver.run("return document.querySelector(arguments[0]) !== null", `[data-day="${to}"] [data-task="${moved.id}"]`));

    await page.press("z", [KEY.control]);
    await until("the old day", async () => (await due()) === moved.due.at);
    await until("the task there", () => driver.run("return document.querySelector(arguments[0]) !== null", `[data-day="${from}"] [data-task="${moved.id}"]`));
  });

  step("looks right in every view of tasks, both languages, light and dark", async () => {
    for (const one of await tasks()) await page.call("task_delete", { id: one.id });
    await add("Return the library books", -2 * DAY);
    for (const text of LINES) await page.call("task_add_line", { text });
    for (const text of FINISHED) {
      const { task: { id } } = await page.call("task_add_line", { text });
      await page.call("task_set_done", { id, done: true });
    }
    const view = (name) => () => page.open(`tasks/${name}`);
    const calendar = (mode) => async () => {
      await page.open("tasks/calendar");
      await page.see("calendar");
      await driver.run("document.querySelector(`[data-testid=calendar] input[value=${arguments[0]}]`).click()", mode);
      await page.see("calendar", { attributes: { state: mode } });
    };
    const files = await flow.pictures(page, "tasks", shoot, {
      all: () => page.open("tasks"),
      today: view("today"),
      upcoming: view("upcoming"),
      month: calendar("month"),
      week: calendar("week"),
      done: view("done"),
    });
    assert.equal(files.length, 24);
    for (const file of files) assert.ok(fs.statSync(file).size > 10_000, `${file} shows something`);
  });
});
