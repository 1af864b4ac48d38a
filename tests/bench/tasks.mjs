/**
 * Ten thousand tasks: what reading and changing them costs in the program, and how the page feels with them, in Chromium.
 * Prints progress, and as its last line the figures as JSON.
 */
import fs from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { serve } from "../e2e/lib/api.mjs";
import { browser } from "../e2e/lib/browser.mjs";
import * as flow from "../e2e/lib/flow.mjs";
import { Page } from "../e2e/lib/page.mjs";
import { cpuSeconds } from "../e2e/lib/processes.mjs";
import { built, remove, run, scratch, tidyUp } from "../e2e/lib/programs.mjs";
import { Random } from "../e2e/lib/random.mjs";
import { until } from "../e2e/lib/wait.mjs";

const TASKS = 10_000;
const CALLS = 50;
const LOADS = 5;
const IDLE_SECONDS = 10;
/** One turn of the wheel, in px; a fast hand turns it often. */
const TURN = 1200;
const random = new Random();
console.log(`seed ${random.seed}`);

const figures = [];
function figure(name, value, unit) {
  figures.push({ name, value: Math.round(value * 100) / 100, unit });
  console.log(`${name}: ${value.toFixed(2)} ${unit}`);
}

/** The value below which this part of all lies. */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function spread(name, values) {
  figure(`${name}, median`, quantile(values, 0.5), "ms");
  figure(`${name}, 95 of 100`, quantile(values, 0.95), "ms");
}

const DEEDS = ["Send the contract to", "Call", "Review the report of", "Prepare the meeting with", "Answer the question of", "Pay the invoice of", "给", "联系", "整理资料给"];
const NAMES = ["Anna", "Paula Novak", "the Brenn warehouse", "the auditors", "王敏", "周明宇", "the steering group", "the landlord", "远山科技"];
const CATEGORIES = ["Work", "Home", "Lyra", "Trip", "工作", "家"];
const LABELS = ["office", "phone", "errand", "reading", "电话"];
const RULES = ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE", "FREQ=MONTHLY"];

/** Tasks from two years ago to two years ahead, a third of them done, as another program would hand them over. */
function calendar() {
  const stamp = (time) => `${new Date(time).toISOString().replace(/[-:]|\.\d+/g, "").slice(0, 15)}Z`;
  const maybe = (chance, line) => (random.next() < chance ? [line()] : []);
  const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bench//EN"];
  for (let at = 0; at < TASKS; at++) {
    const due = Date.now() + random.between(-730, 730) * 86_400_000;
    lines.push(
      "BEGIN:VTODO",
      `UID:bench-${at}`,
      `DTSTAMP:${stamp(Date.now())}`,
      `SUMMARY:${random.pick(DEEDS)} ${random.pick(NAMES)} ${at + 1}`,
      `PRIORITY:${random.pick([0, 1, 3, 5, 9])}`,
      ...maybe(0.6, () => `DUE:${stamp(due)}`),
      ...maybe(0.7, () => `CATEGORIES:${random.pick(CATEGORIES)},${random.pick(LABELS)}`),
      ...maybe(0.3, () => `DESCRIPTION:${"What was agreed in the last meeting\\, and what is left to do. ".repeat(1 + Math.floor(random.next() * 4))}`),
      ...maybe(0.33, () => `STATUS:COMPLETED\r\nCOMPLETED:${stamp(Math.min(due, Date.now() - 60_000))}`),
      ...maybe(0.05, () => `RRULE:${random.pick(RULES)}`),
      "END:VTODO",
    );
  }
  return `${lines.join("\r\n")}\r\nEND:VCALENDAR\r\n`;
}

async function timed(action) {
  const begun = performance.now();
  await action();
  return performance.now() - begun;
}

async function program(api, pid) {
  const before = cpuSeconds(pid);
  await pause(IDLE_SECONDS * 1000);
  figure("processor when idle", ((cpuSeconds(pid) - before) / IDLE_SECONDS) * 100, "% of a core");
  // As bytes: reading four megabytes of JSON is this script's time, not the program's.
  const headers = { authorization: `Bearer ${api.token}`, "content-type": "application/json" };
  const read = async (mark) => (await fetch(`${api.base}/api/task_changes`, { method: "POST", headers, body: JSON.stringify({ mark }) })).arrayBuffer();
  const marks = [null];
  for (let answer = { more: true }; answer.more; marks.push(answer.mark)) answer = await api.call("task_changes", { mark: marks.at(-1) });
  const readTo = marks.pop();
  const [pages, wholes] = [[], []];
  for (let at = 0; at < CALLS; at++) {
    const times = [];
    for (const mark of marks) times.push(await timed(() => read(mark)));
    pages.push(...times);
    wholes.push(times.reduce((sum, time) => sum + time, 0));
  }
  const views = await api.call("task_list");
  if (views.length !== TASKS) throw new Error(`${views.length} tasks were imported, not ${TASKS}`);
  let bytes = 0;
  for (const mark of marks) bytes += (await read(mark)).byteLength;
  figure("size of the list", bytes / 2 ** 20, "MB");
  spread(`one of the ${marks.length} pages of the list over HTTP`, pages);
  spread("all pages, one after the other", wholes);
  const open = views.filter(({ task }) => task.done_at === null && task.recurrence === null).slice(0, CALLS);
  const [done, changes] = [[], []];
  let mark = readTo;
  for (const { task } of open) {
    done.push(await timed(() => api.call("task_set_done", { id: task.id, done: true })));
    let answer;
    changes.push(await timed(async () => (answer = await api.call("task_changes", { mark }))));
    if (answer.whole || answer.changed.length !== 1) throw new Error(`${answer.changed.length} tasks changed, not one`);
    mark = answer.mark;
  }
  spread("task_set_done", done);
  spread("what changed, after each", changes);
  const added = [];
  for (let at = 0; at < CALLS; at++) added.push(await timed(() => api.call("task_add_line", { text: `Call Anna tomorrow at 3pm ${at}` })));
  spread("task_add_line", added);
}

/** Collects what the page did between two calls: times between frames, and from each key or press to what it painted. */
const RECORD = `
  const record = (window.record = { frames: [], events: [], observer: null });
  let last = performance.now();
  const frame = (now) => { record.frames.push(now - last); last = now; record.next = requestAnimationFrame(frame); };
  record.next = requestAnimationFrame(frame);
  record.observer = new PerformanceObserver((list) => record.events.push(...list.getEntries().map(({ name, duration }) => ({ name, duration }))));
  record.observer.observe({ type: "event", durationThreshold: 16 });`;
const RECORDED = `
  await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 100)));
  await new Promise((idle) => requestIdleCallback(idle));
  cancelAnimationFrame(record.next); record.observer.disconnect();
  return { frames: record.frames.slice(1), events: record.events };`;

async function page(api, driver) {
  const page = new Page(driver);
  await driver.open(`${api.base}/#token=${api.token}`);
  await page.see("welcome");
  await flow.welcome(page);
  await page.open("tasks");
  await page.see("task-row");
  const recorded = async (action) => {
    await driver.run(RECORD);
    await action();
    return driver.runAsync(RECORDED);
  };

  const loads = [];
  for (let at = 0; at < LOADS; at++) {
    await driver.run("location.reload()");
    loads.push(await until("a row", () => driver.run("return document.querySelector('[data-testid=task-row]') && performance.now()"), { every: 5 }));
  }
  figure("page loaded until its rows are there, median", quantile(loads, 0.5), "ms");

  const [list] = await driver.all('[role="list"][aria-label="Tasks"]');
  const height = await driver.run("return document.querySelector('[role=list][aria-label=Tasks]').scrollHeight");
  const place = () => driver.run("const list = document.querySelector('[role=list][aria-label=Tasks]'); return [list.scrollTop + list.clientHeight, list.scrollHeight, list.querySelectorAll('[data-testid=task-row]').length]");
  const { frames } = await recorded(async () => {
    for (let left = height; left > 0; left -= 25 * TURN) await driver.wheel(list, Array(25).fill(TURN));
  });
  const [bottom, whole, rows] = await place();
  if (whole - bottom > 2) throw new Error(`the wheel came to ${bottom} of ${whole} px`);
  console.log(`scrolled ${whole} px in ${frames.length} frames; ${rows} rows are drawn at the end`);
  spread("time between frames while scrolling through all", frames);
  figure("frames over 50 ms while scrolling", (frames.filter((one) => one > 50).length / frames.length) * 100, "%");
  figure("longest frame while scrolling", Math.max(...frames), "ms");

  await page.click("task-search");
  const words = "contract paula 12";
  const { events, frames: typing } = await recorded(async () => {
    for (const letter of words) await page.press(letter);
  });
  // An event faster than the threshold is not told.
  const keys = [...events.filter(({ name }) => name === "keydown").map(({ duration }) => duration), ...Array(words.length).fill(16)].sort((a, b) => b - a).slice(0, words.length);
  spread("key in the search until it is painted", keys);
  figure("longest frame while searching", Math.max(...typing), "ms");
  await driver.clear(await page.see("task-search"));

  const before = await driver.run("return performance.now()");
  const { events: presses, frames: after } = await recorded(async () => {
    await page.click("task-done");
    await until("the list to be read anew", () =>
      driver.run("return performance.getEntriesByType('resource').some(({ name, startTime }) => name.endsWith('/api/task_changes') && startTime > arguments[0])", before));
  });
  figure("press on a circle until it is painted", Math.max(16, ...presses.map(({ duration }) => duration)), "ms");
  figure("longest frame after it, with the list read anew", Math.max(...after), "ms");
}

const cleanups = [];
try {
  const folder = scratch("bench-tasks");
  cleanups.push(() => remove(folder));
  const data = path.join(folder, "data");
  const file = path.join(folder, "tasks.ics");
  fs.writeFileSync(file, calendar());
  const importing = await timed(async () => {
    const { code, stderr } = await run(built("moltworker"), ["task", "import", file], { env: { MOLTWORKER_DATA: data } });
    if (code !== 0) throw new Error(stderr);
  });
  figure("import from the command line", importing / 1000, "s");
  let served;
  figure("start until it answers", await timed(async () => (served = await serve(data, { name: "bench-tasks" }))), "ms");
  cleanups.push(() => served.program.stop());
  await program(served.api, served.program.pid);
  await page(served.api, await browser(folder, cleanups));
} finally {
  await tidyUp(cleanups);
}
console.log(JSON.stringify(figures));
