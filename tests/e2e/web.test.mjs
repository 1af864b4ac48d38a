/** The same journeys in Chromium, against `moltworker serve`: the pages are the same, what carries them is not. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe } from "node:test";

import { serve } from "./lib/api.mjs";
import { browser } from "./lib/browser.mjs";
import * as flow from "./lib/flow.mjs";
import { copyLibrary, FILES, LOCKED } from "./lib/library.mjs";
import { Page } from "./lib/page.mjs";
import { OUTPUT, remove, scratch, tidyUp } from "./lib/programs.mjs";
import { pictured } from "./lib/steps.mjs";
import { until } from "./lib/wait.mjs";

describe("the browser", { timeout: 15 * 60_000 }, () => {
  const cleanups = [];
  let api, page, driver, library;

  const step = pictured("web", (file) => driver.screenshot(file));

  before(async () => {
    const folder = scratch("web");
    cleanups.push(() => remove(folder));
    library = copyLibrary(path.join(folder, "library"));
    const data = path.join(folder, "data");
    const served = await serve(data);
    api = served.api;
    cleanups.push(() => served.program.stop());

    driver = await browser(folder, cleanups);
    page = new Page(driver);
  });
  after(() => tidyUp(cleanups));

  step("is shut out without the token", async () => {
    await driver.open(`${api.base}/`);
    await page.see("sign-in");
    const refused = await fetch(`${api.base}/api/status`, { method: "POST", body: "{}" });
    assert.equal(refused.status, 401);
  });

  step("is let in by the address with the token, which then disappears", async () => {
    await driver.open("about:blank");
    await driver.open(`${api.base}/#token=${api.token}`);
    await page.see("welcome");
    assert.ok(!(await driver.url()).includes(api.token));
    await flow.welcome(page);
    assert.equal((await page.call("status")).desktop, false);
  });

  step("loads the small model", () => flow.loadSmallModel(page));

  step("takes a folder by its path, and reads all of it", async () => {
    await page.go("library");
    await page.click("add-path");
    await page.fill("add-path-input", library);
    await page.click("add-path-submit");
    await page.see("source-row");
    await flow.indexed(page);
    await flow.search(page, "Brenn warehouse", "notes.md");
    await flow.search(page, "远山科技", "周会纪要.txt");
  });

  step("narrows a search by type, and widens it again", async () => {
    await page.fill("search-input", "project");
    await page.see("search-hit", { text: "report.pdf" });
    await driver.type(await page.see("search-type"), "Tab");
    await page.gone("search-hit");
    await driver.screenshot(path.join(OUTPUT, "shots", "web-search-none.png"));
    await page.click("search-widen");
    await page.see("search-hit", { text: "report.pdf" });
    await driver.screenshot(path.join(OUTPUT, "shots", "web-search-narrow.png"));
    await page.click("search-clear");
  });

  step("reads a protected document with its password", async () => {
    const { sources } = await page.call("knowledge_add", { paths: [LOCKED.file] });
    await page.go("library");
    await page.click("document-password-ask");
    for (const password of ["guess", LOCKED.password]) {
      await page.fill("document-password", password);
      if (password === "guess") await driver.screenshot(path.join(OUTPUT, "shots", "web-document-password.png"));
      await page.click("document-unlock");
      await page.gone("document-password");
      if (password === "guess") {
        await page.see("document-row", { text: "does not open", attributes: { state: "password_needed" } });
        await page.click("document-password-ask");
      }
    }
    await flow.indexed(page, FILES.length + 1);
    await flow.search(page, LOCKED.words, "locked.pdf");
    for (const { id } of sources) await page.call("source_remove", { id });
    await flow.indexed(page);
  });

  step("answers in both languages with a citation that opens the passage", () => flow.askEach(page));

  step("opens a citation of a PDF on its page, with the passage marked", () => flow.openPage(page, "web", (file) => driver.screenshot(file)));

  step("draws a Chinese page that has no font", () => flow.openFontless(page, "web", (file) => driver.screenshot(file)));

  step("gives the file of a PDF to who is signed in, and of nothing else", async () => {
    const documents = await page.call("document_list", { source_id: null });
    const ask = (name, headers) => fetch(`${api.base}/api/documents/${documents.find((one) => one.name === name).id}/file`, { headers });
    const authorization = `Bearer ${api.token}`;
    const given = await ask("report.pdf", { authorization });
    assert.deepEqual(Buffer.from(await given.arrayBuffer()), fs.readFileSync(path.join(library, "report.pdf")));
    assert.equal(given.headers.get("content-type"), "application/pdf");
    assert.match(given.headers.get("content-disposition"), /^attachment/);
    assert.equal((await ask("report.pdf", {})).status, 401);
    const refused = await ask("notes.md", { authorization });
    assert.equal(refused.status, 400);
    assert.match((await refused.json()).message, /not a PDF/);
    const report = path.join(library, "report.pdf");
    fs.renameSync(report, `${report}.away`);
    const gone = await ask("report.pdf", { authorization });
    fs.renameSync(`${report}.away`, report);
    assert.equal(gone.status, 404);
    await flow.indexed(page);
  });

  step("brings back a deleted conversation", () => flow.deleteAndUndo(page));

  step("understands a task in one line", async () => {
    await flow.quickAdd(page, "Water the plants tomorrow at 9am", "Water the plants");
    await flow.quickAdd(page, "明天上午9点给植物浇水", "给植物浇水");
  });

  step("takes over the tasks of another program, and lets calendars read along", async () => {
    await page.go("tasks");
    const file = path.join(path.dirname(library), "Lyra.csv");
    fs.writeFileSync(file, "TYPE,CONTENT,PRIORITY,INDENT,DATE,DATE_LANG\ntask,Order the lamps @office,1,1,tomorrow at 9am,en\n");
    const [field] = await page.all("task-file");
    await driver.type(field, file);
    const find = async () => (await page.call("task_list")).find((view) => view.task.title === "Order the lamps")?.task;
    const task = await until("the task", find);
    assert.deepEqual([task.category, task.labels, task.priority], ["Lyra", ["office"], "urgent"]);

    const { calendar_feed: secret } = await page.call("task_feed", { on: true });
    const feed = () => fetch(`${api.base}/feed/${secret}/tasks.ics`);
    const read = await feed();
    assert.equal(read.headers.get("content-type"), "text/calendar; charset=utf-8");
    assert.match(await read.text(), /SUMMARY:Order the lamps/);
    await page.call("task_feed", { on: false });
    assert.equal((await feed()).status, 404);
  });

  step("tells what is due, and moves it, in the chat", async () => {
    await page.go("chat");
    await page.click("new-chat");
    for (const [line, text] of [["What is due tomorrow?", "Order the lamps · "], ["把 order the lamps 推迟两天", "：Order the lamps。"]]) {
      await page.fill("composer", line);
      await page.click("send");
      await page.see("answer", { attributes: { kind: "tasks", state: "done" }, text });
    }
    await driver.screenshot(path.join(OUTPUT, "shots", "web-chat-tasks.png"));
  });

  step("reminds in the page", async () => {
    const title = await flow.remindSoon(page, "Call Paula Novak");
    await page.see("reminder-card", { text: title, within: 45_000 });
    await page.click("reminder-done");
    await page.gone("reminder-card");
    const task = (await page.call("task_list")).find((view) => view.task.title === title);
    assert.notEqual(task.task.done_at, null);
  });

  step("keeps the conversation over a reload, and a stopped answer stays stopped", async () => {
    await page.go("chat");
    await page.click("conversation-row");
    await page.see("answer");
    const before = await page.text("answer", { last: true });
    await driver.run("location.reload()");
    await page.see("answer");
    assert.equal(await page.text("answer", { last: true }), before);
  });

  step("loaded nothing from elsewhere and broke no rule of its own", async () => {
    const loaded = await driver.run("return performance.getEntriesByType('resource').map((one) => one.name)");
    assert.ok(loaded.length > 0);
    assert.deepEqual(loaded.filter((name) => !name.startsWith(`${api.base}/`) && !name.startsWith("data:")), []);
    const log = await driver.log("browser");
    const worries = log.filter(({ level, message }) => level === "SEVERE" && !message.includes(" 401 "));
    assert.deepEqual(worries, []);
  });

  step("looks right in every view, both languages, light and dark", async () => {
    const files = await flow.pictures(page, "web", (file) => driver.screenshot(file));
    assert.equal(files.length, 20);
    for (const file of files) assert.ok(fs.statSync(file).size > 10_000, `${file} shows something`);
  });
});
