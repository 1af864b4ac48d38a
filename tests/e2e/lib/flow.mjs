/** The journeys that the window and the browser share, step by step. Each step is one test of the caller. */
import assert from "node:assert/strict";
import path from "node:path";

import { dueIn, FILES, FONTLESS, QUESTIONS } from "./library.mjs";
import { KEY } from "./page.mjs";
import { OUTPUT } from "./programs.mjs";
import { until } from "./wait.mjs";

/** Loading the small model on a busy machine. */
const MODEL_MS = 90_000;
const INDEX_MS = 60_000;
const ANSWER_MS = 90_000;
export const SHOTS = path.join(OUTPUT, "shots");

/** The first page is there, and one key leaves it. */
export async function welcome(page) {
  await page.see("welcome");
  await page.settled();
  await page.press(KEY.escape);
  await page.gone("welcome");
  assert.equal((await page.call("settings_get")).welcomed, true);
}

/** Chooses the model that comes with the program, and waits until it can answer. */
export async function loadSmallModel(page) {
  await page.go("models");
  const small = { role: "chat" };
  await page.see("model-row", { attributes: small });
  const { models } = await page.call("model_list");
  assert.ok(models.some((model) => model.spec.bundled && model.spec.role === "chat"), "the small model is offered");
  const rows = (state) => page.all("model-row", { ...small, state });
  // It is loaded at the start; whoever looks in the middle of that must not wait for a button that does not come.
  await until("the models to settle", async () => (await rows("loading")).length === 0, { within: MODEL_MS });
  if ((await rows("loaded")).length === 0) {
    await page.click("model-use", { within: MODEL_MS });
  }
  await page.see("model-row", { attributes: { ...small, state: "loaded" }, within: MODEL_MS });
}

/** Waits until the library shows every document as searchable. */
export async function indexed(page, count = FILES.length) {
  await page.go("library");
  await until(`${count} indexed documents`, async () => {
    const done = await page.all("document-row", { state: "indexed" });
    return done.length === count;
  }, { within: INDEX_MS });
}

/** Finds words of a document, in the list of passages. */
export async function search(page, words, file) {
  await page.go("library");
  await page.fill("search-input", words);
  await page.see("search-hit", { text: file });
  await page.click("search-clear");
}

/** Asks in a new conversation; the answer holds the value, and its mark opens the passage at its place. */
export async function ask(page, question) {
  await page.go("chat");
  await page.click("new-chat");
  await page.gone("answer");
  await page.fill("composer", question.text);
  await page.click("send");
  await page.see("answer", { attributes: { state: "done" }, within: ANSWER_MS });
  const answer = await page.see("answer", { attributes: { state: "done", kind: "model" } });
  const text = await page.driver.text(answer);
  assert.ok(text.includes(question.value), `the answer to “${question.text}” is “${text}”`);

  await page.click("citation-mark");
  await page.see("inspector-passage", { text: question.passage });
  const inspector = await page.text("inspector", { text: question.file });
  if (question.page) assert.match(inspector, new RegExp(`\\b${question.page}\\b`), "the page is named");
  const [conversation] = await page.call("conversation_list");
  const { messages } = await page.call("conversation_get", { id: conversation.id });
  const used = messages.at(-1).citations.filter((citation) => citation.used);
  assert.deepEqual(used.map(({ document_name: name, position }) => [name, position.page]), [[question.file, question.page]]);
}

export async function askEach(page) {
  for (const question of QUESTIONS) await ask(page, question);
}

/** How a document is shown beside an answer: as `text` or as its `page`. */
export async function look(page, as) {
  const [choice] = await until("the switch", async () => {
    const found = await page.driver.all(`[data-testid="inspector-look"] input[value="${as}"]`);
    return found.length > 0 && found;
  });
  await page.driver.click(choice);
}

/** What is to be seen of the page: its ink, and how the marks lie to the words in the invisible text over the drawing. */
function seen(page, words) {
  return page.driver.run(
    `const [words] = arguments;
     const sheet = document.querySelector('[data-testid="page-sheet"]');
     const canvas = sheet.querySelector("canvas");
     const box = (rect) => ({ left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom });
     const boxes = (name) => [...sheet.querySelectorAll('[data-testid="' + name + '"]')].map((one) => box(one.getBoundingClientRect()));
     const area = box(canvas.getBoundingClientRect());
     const scale = canvas.width / (area.right - area.left);
     const ink = ({ left, top, right, bottom }) => {
       const { data } = canvas.getContext("2d").getImageData((left - area.left) * scale, (top - area.top) * scale, (right - left) * scale, (bottom - top) * scale);
       let dark = 0;
       for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] < 384) dark += 1;
       return dark / (data.length / 4);
     };
     const walker = document.createTreeWalker(sheet, NodeFilter.SHOW_TEXT);
     let text = null;
     for (let node = walker.nextNode(); node; node = walker.nextNode()) {
       const start = node.data.indexOf(words);
       if (start < 0) continue;
       const range = document.createRange();
       range.setStart(node, start);
       range.setEnd(node, start + words.length);
       text = box(range.getBoundingClientRect());
     }
     const desk = box(sheet.parentElement.getBoundingClientRect());
     const marks = boxes("page-mark");
     return { area, desk, text, marks, passage: boxes("page-passage"), ink: ink(area), inkOfMarks: marks.map(ink), sharp: scale / devicePixelRatio };`,
    words,
  );
}

/** How much of a box lies in another. */
function within(box, other) {
  const width = Math.min(box.right, other.right) - Math.max(box.left, other.left);
  const height = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
  return (Math.max(0, width) * Math.max(0, height)) / ((box.right - box.left) * (box.bottom - box.top));
}

/** The citation of an answer opens the page itself: it is drawn, and what is marked lies over the words. */
export async function openPage(page, face, shoot) {
  const [question] = QUESTIONS;
  await ask(page, question);
  await look(page, "page");
  const drawn = (number) => page.see("page-sheet", { attributes: { state: "drawn", page: number } });
  await drawn(question.page);
  const { area, desk, text, marks, passage, ink, inkOfMarks, sharp } = await seen(page, question.value);
  assert.ok(ink > 0.001 && ink < 0.2, `the page is drawn (${ink})`);
  assert.ok(Math.abs(sharp - 1) < 0.02, `a dot of the drawing is a dot of the screen (${sharp})`);
  assert.ok(area.left >= desk.left && area.right <= desk.right, "the page is as wide as its place");
  assert.ok(text, "the words can be selected");
  // The web view of the window was seen to set the invisible words a little wider than the drawn ones.
  const most = face === "web" ? 0.7 : 0.5;
  assert.ok(passage.some((one) => within(text, one) > most), `the passage lies over the words: ${JSON.stringify({ text, passage })}`);
  assert.ok(marks.some((one) => within(text, one) > most), `a mark lies over them: ${JSON.stringify({ text, marks })}`);
  assert.ok(marks.every((one) => passage.some((other) => within(one, other) > 0.9)), "marks lie in the passage");
  assert.ok(inkOfMarks.every((one) => one > 0.03), `there are letters under the marks (${inkOfMarks})`);
  assert.ok(text.top >= desk.top && text.bottom <= desk.bottom, "it is scrolled to");
  await pictures(page, face, shoot, { page: () => drawn(question.page) });

  await page.click("page-previous");
  await drawn(1);
  await page.gone("page-passage");
  await page.click("page-larger");
  await page.click("page-fit");
  await page.click("page-next");
  await drawn(question.page);
  await page.see("page-passage");
  await look(page, "text");
  await page.see("inspector-passage", { text: question.passage });
}

/** A page whose letters are known only by the tables that come with the program. */
export async function openFontless(page, face, shoot) {
  const { sources } = await page.call("knowledge_add", { paths: [FONTLESS.file] });
  await indexed(page, FILES.length + 1);
  await page.fill("search-input", FONTLESS.words);
  await page.click("search-hit", { text: path.basename(FONTLESS.file) });
  await look(page, "page");
  await page.see("page-sheet", { attributes: { state: "drawn", page: FONTLESS.page } });
  const { text, passage, ink } = await seen(page, FONTLESS.words);
  await shoot(path.join(SHOTS, `${face}-fontless.png`));
  assert.ok(ink > (face === "web" ? 0.003 : 0.0008), `letters are drawn (${ink})`);
  assert.ok(text && passage.some((one) => within(text, one) > 0.7), `the passage lies over them: ${JSON.stringify({ text, passage })}`);
  await look(page, "text");
  await page.click("inspector-close");
  await page.click("search-clear");
  for (const { id } of sources) await page.call("source_remove", { id });
  await indexed(page);
}

/** A conversation is deleted, and comes back. */
export async function deleteAndUndo(page) {
  await page.go("chat");
  const before = (await page.call("conversation_list")).length;
  const [first] = await page.call("conversation_list");
  await page.call("conversation_delete", { id: first.id });
  await until("one conversation less", async () => (await page.all("conversation-row")).length === before - 1);
  await page.call("conversation_restore", { id: first.id });
  await until("all conversations", async () => (await page.all("conversation-row")).length === before);
}

/** Adds a task by its line; it stands in the list with its title alone. */
export async function quickAdd(page, line, title) {
  await page.go("tasks");
  await page.fill("quick-add", line);
  await page.press(KEY.enter);
  await page.see("task-row", { text: title });
  const row = await page.text("task-row", { text: title });
  assert.ok(!row.includes(line), "what was understood is no longer part of the title");
}

/** Sets a reminder a few seconds ahead. Gives the title, for finding it again. */
export async function remindSoon(page, title, seconds = 3) {
  await page.call("task_add", {
    title, notes: null, priority: "high", category: null, due: dueIn(seconds), recurrence: null,
  });
  return title;
}

/** How each view is reached. */
const VIEWS = {
  chat: async (page) => {
    await page.go("chat");
    if ((await page.all("conversation-row")).length > 0) await page.click("conversation-row");
  },
  ...Object.fromEntries(["library", "tasks", "models", "settings"].map((view) => [view, (page) => page.go(view)])),
};

/** Pictures of every view, in both languages, light and dark; `shoot` takes one of what is shown now. */
export async function pictures(page, face, shoot, views = VIEWS) {
  const before = await page.call("settings_get");
  const files = [];
  for (const language of ["en", "zh-CN"]) {
    for (const theme of ["light", "dark"]) {
      await page.call("settings_set", { ...before, language, theme });
      await until("the language", () => page.driver.run("return document.documentElement.lang === arguments[0]", language));
      for (const [view, reach] of Object.entries(views)) {
        await reach(page);
        await page.settled();
        const file = path.join(SHOTS, `${face}-${view}-${language}-${theme}.png`);
        await shoot(file);
        files.push(file);
      }
    }
  }
  await page.call("settings_set", before);
  return files;
}
