/** The journeys that the window and the browser share, step by step. Each step is one test of the caller. */
import assert from "node:assert/strict";
import path from "node:path";

import { dueIn, FILES, QUESTIONS } from "./library.mjs";
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

/** A conversation is deleted, and comes back. */
export async function deleteAndUndo(page) {
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
