/**
 * `kill -9` at random moments: of the engine while it answers, of the extractor while it reads, of the whole backend
 * while it indexes, forgets, follows moves, tends the index and changes its keys. Nothing that was acknowledged may be lost, the rest goes on, and the index agrees with the catalogue.
 *
 * The moments come from a seed that is printed; MOLTWORKER_SEED repeats a run, MOLTWORKER_KILLS changes the number.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { serve } from "./lib/api.mjs";
import { alive, descendants, ENGINE } from "./lib/processes.mjs";
import { remove, scratch, tidyUp } from "./lib/programs.mjs";
import { Random, word } from "./lib/random.mjs";
import { until, within } from "./lib/wait.mjs";

const KILLS = Number(process.env.MOLTWORKER_KILLS) || 50;
/** The backend answers within this whatever happens to a worker. */
const PROMPT_MS = 1000;
const random = new Random();
console.log(`seed ${random.seed}, ${KILLS} kills each`);

/** Kills of the backend after which everything is compared. */
const COMPARE = 50;

/** A moment from now. It is the thing under test here, not a way to wait. */
const moment = (least, most) => new Promise((resume) => setTimeout(resume, random.between(least, most)));

/** Kills every worker of this name there is; tells how many. */
function shoot(pid, name) {
  const victims = descendants(pid, name);
  for (const victim of victims) {
    try {
      process.kill(victim, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  }
  return victims.length;
}

const answersPromptly = (api) => within(PROMPT_MS, "the backend's answer", api.call("status"));

/** All documents by name, read at once. */
async function documents(api) {
  const list = await api.call("document_list", { source_id: null });
  return new Map(list.map((document) => [document.name, document]));
}

const SETTLED = ["indexed", "no_text", "password_needed", "failed"];

/** Waits until nothing is left to read. */
function settled(api, count, within = 120_000) {
  return until(`${count} documents to be read`, async () => {
    const found = await documents(api);
    return found.size === count && [...found.values()].every(({ state }) => SETTLED.includes(state)) && found;
  }, { within, every: 100 });
}

/** The catalogue and the index say the same: every document is found by its own word, once, and nothing else is there. */
async function assertConsistent(api, words) {
  const search = async (own) => {
    const { passages } = await api.call("knowledge_search", { query: own, limit: 10, source_id: null });
    return passages.filter((passage) => passage.text.includes(own));
  };
  // The last file may be so new that nobody has noticed it: all others settled, and its old text is what is indexed.
  const [newest] = [...words.values()].slice(-1);
  await until("the newest text to be found", async () => (await search(newest)).length > 0, { every: 100 });
  const found = await settled(api, words.size);
  const expected = [...found.values()].reduce((sum, document) => sum + document.chunks, 0);
  await until("the index to hold exactly the catalogue's chunks", async () => (await api.call("status")).index.chunks === expected);
  for (const [name, own] of words) {
    assert.equal(found.get(name)?.state, "indexed", `${name}: ${found.get(name)?.reason}`);
    const hits = await search(own);
    assert.deepEqual(hits.map((passage) => passage.document_name), [name], `the word ${own} stands in ${name} alone`);
  }
}

/** A text whose words are its own; gives the one to look for. */
function write(folder, name, paragraphs = 4) {
  const own = word(random, 6);
  const filler = () => Array.from({ length: 60 }, () => word(random, 3)).join(" ");
  const text = Array.from({ length: paragraphs }, (_, at) => (at === 0 ? `The secret word is ${own}. ${filler()}` : filler()));
  fs.writeFileSync(path.join(folder, name), `# ${name}\n\n${text.join("\n\n")}\n`);
  return own;
}

describe("kill -9 of a worker", { timeout: 30 * 60_000 }, () => {
  const cleanups = [];
  let folder, library, backend, api;

  before(async () => {
    folder = scratch("kill-workers");
    cleanups.push(() => remove(folder));
    library = path.join(folder, "library");
    fs.mkdirSync(library);
    const served = await serve(path.join(folder, "data"), { name: "kill-workers" });
    backend = served.program;
    api = served.api;
    cleanups.push(() => backend.stop());
  });
  after(() => tidyUp(cleanups));

  test(`the extractor mid-file, ${KILLS} times`, async () => {
    const words = new Map();
    await api.call("knowledge_add", { paths: [library] });
    let killed = 0;
    for (let round = 0; killed < KILLS; round++) {
      assert.ok(round < KILLS * 6, `only ${killed} of ${round} files met a reader that could be killed`);
      // New names and old ones written anew take turns: both are changes.
      const name = `file-${round % 25}.md`;
      words.delete(name);
      words.set(name, write(library, name, 200));
      const seen = await until("a reader, or the file read without one", async () => {
        if (descendants(backend.pid, "molt-extract").length > 0) return "reader";
        const document = (await documents(api)).get(name);
        return document && SETTLED.includes(document.state) && "read";
      }, { within: 20_000, every: 1 });
      if (seen === "reader") {
        await moment(0, 60);
        if (shoot(backend.pid, "molt-extract") > 0) killed += 1;
      }
      await answersPromptly(api);
    }
    await assertConsistent(api, words);
    console.log(`extractor: ${killed} kills`);
  });

  test(`the engine mid-answer, ${KILLS} times`, async () => {
    const { models } = await api.call("model_list");
    const small = models.find((model) => model.spec.bundled && model.spec.role === "chat");
    assert.ok(small, "the small model is there");
    await api.call("model_set", { role: "chat", id: small.spec.id });
    const loaded = () =>
      until("the model to be loaded", async () => (await api.call("status")).chat_model?.state === "loaded", { within: 60_000 });
    await loaded();

    const ended = (conversation, id) =>
      until("the answer to end", async () => {
        const { messages } = await api.call("conversation_get", { id: conversation });
        const found = messages.find((message) => message.id === id);
        return found?.state !== "streaming" && found;
      }, { within: 60_000 });
    const question = (round) => `Round ${round}: what is the secret word of file-${round % 25}.md? ${word(random)}`;

    // How long an answer takes when it is let be: the kills fall into that time.
    const begun = performance.now();
    const whole = await api.call("chat_send", { conversation_id: null, text: question(0) });
    assert.equal((await ended(whole.conversation_id, whole.answer.id)).state, "done");
    const duration = Math.ceil(performance.now() - begun);

    const ends = { done: 0, failed: 0, stopped: 0 };
    const acknowledged = [];
    for (let round = 0; round < KILLS; round++) {
      const text = question(round);
      const accepted = await api.call("chat_send", { conversation_id: acknowledged[0]?.conversation ?? null, text });
      acknowledged.push({ conversation: accepted.conversation_id, message: accepted.user_message.id, text });
      await moment(0, duration);
      shoot(backend.pid, ENGINE);
      await answersPromptly(api);
      const answer = await ended(accepted.conversation_id, accepted.answer.id);
      ends[answer.state] += 1;
      if (answer.state === "failed") assert.match(answer.error, /\S/, "a failure says why");
    }
    assert.ok(ends.failed > 0, "some kills met an answer that was being written");
    const { messages } = await api.call("conversation_get", { id: acknowledged[0].conversation });
    for (const { message, text } of acknowledged) {
      assert.equal(messages.find((one) => one.id === message)?.text, text, "an acknowledged question is kept");
    }
    // After all that the engine answers again.
    await loaded();
    const { conversation_id: id, answer } = await api.call("chat_send", { conversation_id: null, text: "Hello" });
    await until("an answer", async () => {
      const found = (await api.call("conversation_get", { id })).messages.find((message) => message.id === answer.id);
      return found?.state === "done" && found.text.length > 0;
    }, { within: 60_000 });
    console.log(`engine: ${KILLS} kills; answers ${JSON.stringify(ends)}`);
  });
});

describe("kill -9 of the backend", { timeout: 45 * 60_000 }, () => {
  const cleanups = [];
  after(() => tidyUp(cleanups));

  test(`mid-indexing, ${KILLS} times`, async () => {
    const folder = scratch("kill-backend");
    cleanups.push(() => remove(folder));
    const data = path.join(folder, "data");
    const library = path.join(folder, "library");
    fs.mkdirSync(library);

    const words = new Map();
    const tasks = [];
    const conversations = [];
    let rotations = 0;
    for (let round = 0; round < KILLS; round++) {
      const { program, api } = await serve(data, { name: "kill-backend" });
      cleanups.push(() => program.kill());
      if (round === 0) await api.call("knowledge_add", { paths: [library] });

      // What was acknowledged before the last kill is here.
      const kept = new Set((await api.call("task_list")).map((view) => view.task.title));
      for (const title of tasks) assert.ok(kept.has(title), `the task “${title}” survived round ${round}`);
      const known = new Set((await api.call("conversation_list")).map((conversation) => conversation.id));
      for (const id of conversations) assert.ok(known.has(id), `a conversation survived round ${round}`);
      assert.equal((await api.call("source_list")).length, 1);

      if (round > 0 && round % COMPARE === 0) await assertConsistent(api, words);

      // Work for the index, and things to acknowledge while it goes on.
      for (let file = 0; file < 3; file++) {
        const name = `file-${(round * 3 + file) % 40}.md`;
        words.set(name, write(library, name, 12));
      }
      const [moved, gone] = [random.pick([...words.keys()]), random.pick([...words.keys()])];
      if (random.next() < 0.5) {
        fs.renameSync(path.join(library, moved), path.join(library, `moved-${moved}`));
        words.set(`moved-${moved}`, words.get(moved));
        words.delete(moved);
      }
      if (words.size > 20 && words.has(gone)) {
        fs.rmSync(path.join(library, gone));
        words.delete(gone);
      }
      // A bystander of the kill: whether it came to its end or not, the data opens.
      const rotates = random.next() < 0.3;
      const rotating = rotates ? moment(0, 300).then(() => api.call("key_rotate")).then(() => (rotations += 1), (error) => { if (error.answer) throw error; }) : null;
      const end = moment(20, 900).then(() => program.kill());
      for (let at = 0; program.status === null && at < 40; at++) {
        try {
          const title = `Task ${round}-${at} ${word(random)}`;
          await api.call("task_add", { title, notes: null, priority: "normal", category: null, due: null, recurrence: null });
          tasks.push(title);
          if (at % 10 === 0) {
            conversations.push((await api.call("chat_send", { conversation_id: null, text: `Question ${round}-${at}` })).conversation_id);
          }
        } catch (error) {
          // The kill came first: this one was not acknowledged. Anything else is a failure.
          if (error.answer) throw error;
          break;
        }
      }
      const workers = descendants(program.pid, ENGINE).concat(descendants(program.pid, "molt-extract"));
      await end;
      await rotating;
      await until("the workers to notice", () => workers.every((pid) => !alive(pid)), { within: 10_000 });
    }

    const { program, api } = await serve(data, { name: "kill-backend" });
    cleanups.push(() => program.stop());
    const kept = new Set((await api.call("task_list")).map((view) => view.task.title));
    assert.deepEqual(tasks.filter((title) => !kept.has(title)), []);
    await assertConsistent(api, words);
    const waiting = (await api.call("conversation_list")).map(({ id }) => api.call("conversation_get", { id }));
    for (const { messages } of await Promise.all(waiting)) {
      assert.ok(messages.every((message) => message.state !== "streaming"), "no answer is left half done");
    }
    console.log(`backend: ${KILLS} kills; ${tasks.length} tasks and ${conversations.length} conversations kept, ${rotations} changes of the keys came to their end`);
  });
});
