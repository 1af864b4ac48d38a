/** The same journeys by the command line alone: without a running program and through one, and with bad input. */
import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { serve } from "./lib/api.mjs";
import { copyLibrary, FILES, LOCKED, QUESTIONS } from "./lib/library.mjs";
import { built, remove, ROOT, run, scratch, tidyUp } from "./lib/programs.mjs";

const SMALL_MODEL = path.join(ROOT, "models/moltworker-small.gguf");

/** The command line with a data directory of its own. */
function commandLine(data) {
  const env = { MOLTWORKER_DATA: data, LC_ALL: "en_US.UTF-8", LANGUAGE: "" };
  const words = (args, options) => run(built("moltworker"), args, { env, name: "cli", ...options });
  return {
    words,
    /** Runs and reads the answer as JSON. */
    async json(args, options) {
      const { code, stdout, stderr } = await words([...args, "--json"], options);
      assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
      return JSON.parse(stdout);
    },
    /** Gives one JSON object a line, and gets one for each. */
    async batch(args, inputs) {
      const input = inputs.map((line) => JSON.stringify(line)).join("\n") + "\n";
      const { code, stdout, stderr } = await words([...args, "--batch", "-"], { input });
      const lines = stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
      assert.deepEqual(lines.map(({ id }) => id), inputs.map(({ id }) => id), "one answer a line, in order, the id kept");
      return { code, lines, stderr };
    },
    /** Runs what must fail; gives what it says to people. */
    async refused(args) {
      const { code, stdout, stderr } = await words(args);
      assert.notEqual(code, 0, `${args.join(" ")} should be refused`);
      assert.equal(stdout, "");
      assert.doesNotMatch(stderr, /panicked|RUST_BACKTRACE|Error\s*\{/, "in plain words");
      return stderr;
    },
  };
}

/** Everything a user does with the command line, once. */
function journey(start) {
  const cleanups = [];
  let cli, library;

  before(async () => {
    const folder = scratch("cli");
    cleanups.push(() => remove(folder));
    library = copyLibrary(path.join(folder, "library"));
    const data = path.join(folder, "data");
    cli = commandLine(data);
    await start(data, cleanups);
  });
  after(() => tidyUp(cleanups));

  test("offers the small model and takes it into use", async () => {
    const { models } = await cli.json(["model", "list"]);
    const small = models.find((model) => model.spec.bundled);
    assert.ok(small, "the small model is listed");
    await cli.json(["model", "set", small.spec.name]);
  });

  test("adds a folder and waits until it can be searched", async () => {
    await cli.json(["knowledge", "add", library, "--wait"]);
    const [view] = await cli.json(["knowledge", "list"]);
    assert.deepEqual([view.source.path, view.documents, view.indexed, view.failed], [library, FILES.length, FILES.length, 0]);
  });

  test("finds passages in both languages", async () => {
    for (const [query, file] of [["door code of the Brenn warehouse", "notes.md"], ["海棠项目的供应商", "周会纪要.txt"]]) {
      const { passages } = await cli.json(["knowledge", "search", query]);
      assert.equal(passages[0].document_name, file, query);
    }
    const plain = await cli.words(["knowledge", "search", "Brenn"]);
    assert.match(plain.stdout, /notes\.md/);
  });

  test("finds what stands between quotation marks, by type and by time", async () => {
    const names = async (...args) => (await cli.json(["knowledge", "search", ...args])).passages.map((one) => one.document_name);
    assert.deepEqual(new Set(await names('"Project Lyra is"')), new Set(["report.pdf"]));
    assert.deepEqual(await names('"Lyra Project is"'), []);
    assert.deepEqual(new Set(await names("project Brenn", "--type", "markdown")), new Set(["notes.md"]));
    assert.deepEqual(await names("project", "--since", "2999-01-01"), []);
    assert.match(await cli.refused(["knowledge", "search", "project", "--type", "song"]), /song/);
  });

  test("asks for the password of a document once", async () => {
    const { failed } = await cli.json(["knowledge", "add", LOCKED.file, "--wait"]);
    assert.deepEqual(failed.map((one) => one.state), ["password_needed"]);
    const unlock = (password) => cli.words(["knowledge", "unlock", LOCKED.file], { input: `${password}\n` });
    const refused = await unlock("guess");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /does not open/);
    assert.equal((await unlock(LOCKED.password)).code, 0);
    const { passages } = await cli.json(["knowledge", "search", LOCKED.words]);
    assert.ok(passages[0].text.includes(LOCKED.value));
    await cli.json(["knowledge", "remove", LOCKED.file]);
  });

  test("prints the text of a file", async () => {
    const { text, pages } = await cli.json(["knowledge", "extract", path.join(library, "report.pdf")]);
    assert.equal(pages, 2);
    assert.match(text, /Project Halden is 95,300 EUR[\s\S]*Project Lyra is 412,000 EUR/);
  });

  test("answers in both languages with the source", async () => {
    for (const { text, value, file, page } of QUESTIONS) {
      const answer = await cli.json(["ask", text]);
      assert.ok(answer.text.includes(value), `the answer to “${text}” is “${answer.text}”`);
      const used = answer.citations.filter((citation) => citation.used);
      assert.deepEqual(used.map((one) => [one.document_name, one.position.page]), [[file, page]]);
    }
    const { code, stdout } = await cli.words(["ask", QUESTIONS[0].text]);
    assert.equal(code, 0);
    assert.match(stdout, /412,000 EUR[\s\S]*report\.pdf/);
  });

  test("takes many questions at once", async () => {
    const { code, lines } = await cli.batch(["ask"], QUESTIONS.map(({ text }, at) => ({ id: `q${at}`, question: text })));
    assert.equal(code, 0);
    for (const [at, { value }] of QUESTIONS.entries()) assert.ok(JSON.stringify(lines[at]).includes(value));
  });

  test("searches and reads many at once, and one failure stops nothing", async () => {
    const found = await cli.batch(["knowledge", "search"], [{ id: 1, query: "Brenn" }, { id: 2, query: "青禾" }]);
    assert.ok(JSON.stringify(found.lines[0]).includes("K7-4419"));
    assert.ok(JSON.stringify(found.lines[1]).includes("周明宇"));
    const read = await cli.batch(["knowledge", "extract"], [
      { id: "gone", path: path.join(library, "gone.pdf") },
      { id: "here", path: path.join(library, "notes.md") },
    ]);
    assert.ok("error" in read.lines[0], "the missing file has an error of its own");
    assert.ok(JSON.stringify(read.lines[1]).includes("K7-4419"));
  });

  test("understands lines of both languages at a given time", async () => {
    const { lines } = await cli.batch(["task", "parse"], [
      { id: "en", text: "call Anna tomorrow at 3pm", reference_time: "2026-11-21T09:00:00" },
      { id: "zh", text: "明天下午3点给安娜打电话", reference_time: "2026-11-21T09:00:00" },
    ]);
    for (const line of lines) assert.ok(JSON.stringify(line).includes("2026-11-22T15:00:00"), JSON.stringify(line));
  });

  test("keeps tasks", async () => {
    const added = await cli.json(["task", "add", "water the plants tomorrow at 9am"]);
    assert.equal(added.task.title, "water the plants");
    const open = await cli.json(["task", "list"]);
    assert.deepEqual(open.map((view) => view.task.id), [added.task.id]);
    await cli.json(["task", "done", added.task.id.slice(0, 8)]);
    assert.deepEqual(await cli.json(["task", "list"]), []);
    const all = await cli.json(["task", "list", "--all"]);
    assert.notEqual(all[0].task.done_at, null);
  });

  test("refuses what is broken in plain words, and goes on", async () => {
    const broken = path.join(library, "broken");
    fs.mkdirSync(broken);
    const cutPdf = path.join(broken, "cut.pdf");
    fs.writeFileSync(cutPdf, fs.readFileSync(path.join(library, "report.pdf")).subarray(0, 300));
    assert.match(await cli.refused(["knowledge", "extract", cutPdf]), /cut\.pdf|PDF/);

    const cutModel = path.join(broken, "cut.gguf");
    fs.writeFileSync(cutModel, fs.readFileSync(SMALL_MODEL).subarray(0, 100_000));
    assert.match(await cli.refused(["model", "import", cutModel]), /cut\.gguf|model|file/);

    assert.match(await cli.refused(["knowledge", "add", path.join(library, "nowhere")]), /nowhere/);
    assert.match(await cli.refused(["task", "done", "no-such-task"]), /no-such-task|no task/i);
    assert.match(await cli.refused(["model", "set", "no-such-model"]), /no-such-model|no model/i);
    fs.rmSync(broken, { recursive: true });
    assert.equal((await cli.json(["knowledge", "list"])).length, 1);
  });

  test("forgets a folder; its files stay", async () => {
    await cli.json(["knowledge", "remove", library]);
    assert.deepEqual(await cli.json(["knowledge", "list"]), []);
    const { passages } = await cli.json(["knowledge", "search", "Brenn"]);
    assert.deepEqual(passages, []);
    assert.ok(fs.existsSync(path.join(library, "notes.md")));
  });
}

describe("the command line alone", { timeout: 10 * 60_000 }, () => journey(async () => {}));

describe("the command line with a running program", { timeout: 10 * 60_000 }, () =>
  journey(async (data, cleanups) => {
    const { program } = await serve(data, { name: "cli-serve" });
    cleanups.push(() => program.stop());
  }));

describe("the command line and what is taken", { timeout: 3 * 60_000 }, () => {
  test("a taken port is named", async () => {
    const folder = scratch("port");
    const server = net.createServer();
    try {
      await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
      const { port } = server.address();
      const said = await commandLine(path.join(folder, "data")).refused(["serve", "--port", String(port)]);
      assert.match(said, new RegExp(`port ${port} is already used`, "i"));
    } finally {
      server.close();
      remove(folder);
    }
  });

  test("a second program for the same data says who has it", async () => {
    const folder = scratch("twice");
    const data = path.join(folder, "data");
    const { program, api } = await serve(data, { name: "first" });
    try {
      const said = await commandLine(data).refused(["serve"]);
      assert.match(said, /already running/i);
      assert.ok(said.includes(api.base), said);
    } finally {
      await program.stop();
      remove(folder);
    }
  });
});
