/**
 * What the desktop program costs: the time from its start to a usable window, its memory with the window open and in the
 * tray, and its load when nothing happens. Prints progress, and as its last line the figures as JSON.
 *
 * Memory is the proportional set size of the whole process tree: what is shared is counted once.
 */
import { setTimeout as pause } from "node:timers/promises";

import { Page } from "../e2e/lib/page.mjs";
import { age, cpuSeconds, descendants, ENGINE, memory, processes } from "../e2e/lib/processes.mjs";
import { built } from "../e2e/lib/programs.mjs";
import { Session } from "../e2e/lib/session.mjs";
import { until } from "../e2e/lib/wait.mjs";

const DESKTOP = built("moltworker-desktop");
const STARTS = 5;
/** After a start the models are read and the index is looked through; then nothing is left to do. */
const REST_SECONDS = 20;
const IDLE_SECONDS = 30;

const figures = [];
function figure(name, value, unit) {
  figures.push({ name, value: Math.round(value * 100) / 100, unit });
  console.log(`${name}: ${value.toFixed(2)} ${unit}`);
}

/** Milliseconds from the start of the process until the first page can be used, as WebDriver sees it. */
async function start(session) {
  const { driver, program } = await session.drive(DESKTOP);
  try {
    const page = new Page(driver);
    await until("a usable page", async () => (await page.all("composer")).length + (await page.all("welcome")).length > 0, {
      every: 5,
      within: 30_000,
    });
    const [pid] = processes().filter(({ parent, name }) => parent === program.pid && name.startsWith("moltworker")).map(({ pid }) => pid);
    return age(pid);
  } finally {
    await driver.quit();
    await program.stop();
  }
}

async function measure() {
  const session = await Session.start("bench");
  try {
    const times = [];
    for (let at = 0; at < STARTS; at++) times.push(await start(session));
    console.log(`starts: ${times.join(", ")} ms`);
    figure("cold start, fresh data", times[0] / 1000, "s");
    figure("start, median of the later ones", times.slice(1).sort((a, b) => a - b)[Math.floor((STARTS - 1) / 2)] / 1000, "s");

    const program = session.start(DESKTOP);
    const windows = () => session.windows("^Moltworker$");
    await until("the window", async () => (await windows()).length === 1, { within: 30_000 });
    await pause(REST_SECONDS * 1000);
    const engines = () => descendants(program.pid, ENGINE).reduce((sum, pid) => sum + memory(pid), 0);
    figure("memory, window open, without models", (memory(program.pid) - engines()) / 2 ** 20, "MB");
    figure("memory of the small model's worker", engines() / 2 ** 20, "MB");
    await idle(program, "processor when idle, window open");

    await session.close((await windows())[0]);
    await until("the web view to end", () => descendants(program.pid, "WebKitWebProcess").length === 0);
    await pause(REST_SECONDS * 1000);
    figure("memory in the tray, without models", (memory(program.pid) - engines()) / 2 ** 20, "MB");
    await idle(program, "processor when idle, in the tray");
    await session.choose("Quit");
    await program.exited;
  } finally {
    await session.stop();
  }
}

async function idle(program, name) {
  const before = cpuSeconds(program.pid);
  await pause(IDLE_SECONDS * 1000);
  figure(name, ((cpuSeconds(program.pid) - before) / IDLE_SECONDS) * 100, "% of a core");
}

await measure();
console.log(JSON.stringify(figures));
