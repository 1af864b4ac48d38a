/** What opens the data: a real keyring that is there, locked, frozen or gone; locking and unlocking by hand; damage and its copy. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { serve } from "./lib/api.mjs";
import { browser } from "./lib/browser.mjs";
import { Keyring } from "./lib/bus.mjs";
import { Page } from "./lib/page.mjs";
import { built, remove, run, scratch, tidyUp } from "./lib/programs.mjs";
import { pictured } from "./lib/steps.mjs";
import { until } from "./lib/wait.mjs";

const PASSPHRASE = "four words of mine";
const CODE = /^([0-9A-Z]{5}-){7}[0-9A-Z]{5}$/m;
/** Five seconds for the keyring, and the start of the program on a busy machine. */
const GIVEN_UP_MS = 15_000;

/** The command line in English, with a data directory of its own. */
function commandLine(data, more = {}) {
  const env = { LC_ALL: "en_US.UTF-8", LANGUAGE: "", ...more, MOLTWORKER_DATA: data };
  const words = (args, input = "") => run(built("moltworker"), args, { env, name: "keys-cli", input });
  const said = async (args, input) => {
    const { code, stdout, stderr } = await words(args, input);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  return {
    said,
    json: async (args, input) => JSON.parse(await said([...args, "--json"], input)),
    /** Runs what must fail; gives what it says to people. */
    async refused(args, input) {
      const { code, stderr } = await words(args, input);
      assert.notEqual(code, 0, `${args.join(" ")} should be refused`);
      assert.doesNotMatch(stderr, /panicked|Error\s*\{/, "in plain words");
      return stderr;
    },
    status: () => commandLine(data, more).json(["key", "status"]),
    titles: async () => (await commandLine(data, more).json(["task", "list"])).map((view) => view.task.title),
  };
}

const there = (data, name) => fs.existsSync(path.join(data, name));

describe("the keyring of a desktop", { timeout: 5 * 60_000 }, () => {
  const PASSWORD = "of the session";
  const cleanups = [];
  let folder, data, keyring, cli;

  before(async () => {
    folder = scratch("keyring");
    cleanups.push(() => remove(folder));
    data = path.join(folder, "data");
    keyring = await Keyring.onBus(folder, cleanups);
    cli = commandLine(data, keyring.env);
  });
  after(() => tidyUp(cleanups));

  test("keeps the key, so that none lies beside the data", async () => {
    await keyring.start(PASSWORD);
    await cli.said(["task", "add", "water the plants"]);
    const { locked, keyring: name, file, exposed } = await cli.status();
    assert.deepEqual([locked, name, file, exposed], [false, "Secret Service", false, false]);
    assert.ok(!there(data, "store.key"));
  });

  test("opens the data at the next start of both", async () => {
    await keyring.stop();
    await keyring.start(PASSWORD);
    assert.deepEqual(await cli.titles(), ["water the plants"]);
  });

  test("is said to be locked where it is, and nothing is made anew", async () => {
    await keyring.stop();
    await keyring.start();
    const before = fs.readFileSync(path.join(data, "keys.json"));
    const status = await cli.status();
    assert.ok(status.locked);
    assert.match(status.problem, /keyring cannot be used: it is locked/);
    assert.match(await cli.refused(["task", "list"]), /locked/);
    assert.deepEqual(fs.readFileSync(path.join(data, "keys.json")), before);
    assert.ok(!there(data, "store.key"));
  });

  test("is told that it does not run where it does not", async () => {
    await keyring.stop();
    const { locked, problem } = await cli.status();
    assert.ok(locked);
    assert.match(problem, /keyring cannot be used: none answers/);
  });

  test("is given up when it does not answer, and tried again", async () => {
    await keyring.start(PASSWORD);
    keyring.freeze();
    const begun = Date.now();
    const { locked, problem } = await cli.status();
    assert.ok(locked);
    assert.match(problem, /did not answer within 5 seconds/);
    assert.ok(Date.now() - begun < GIVEN_UP_MS, `${Date.now() - begun} ms`);
    keyring.thaw();
    assert.deepEqual(await cli.titles(), ["water the plants"]);
  });

  test("may be locked where a passphrase stands beside it", async () => {
    await cli.said(["key", "passphrase", "--with-keyring"], `${PASSPHRASE}\n`);
    assert.deepEqual(await cli.titles(), ["water the plants"]);
    await keyring.stop();
    await keyring.start();
    const file = path.join(folder, "passphrase");
    fs.writeFileSync(file, `${PASSPHRASE}\n`, { mode: 0o600 });
    assert.match(await cli.refused(["task", "list"]), /locked/);
    const [view] = await cli.json(["task", "list", "--passphrase-file", file]);
    assert.equal(view.task.title, "water the plants");
  });

  test("does without it at a first start while it is locked, and says so", async () => {
    const other = commandLine(path.join(folder, "other"), keyring.env);
    assert.match(await other.said(["key", "status"]), /anyone who can read your files can read your data/);
    assert.deepEqual([(await other.status()).file, (await other.status()).keyring], [true, null]);
    await keyring.stop();
    await keyring.start(PASSWORD);
    await other.said(["key", "keyring"]);
    assert.deepEqual([(await other.status()).file, (await other.status()).keyring], [false, "Secret Service"]);
    assert.ok(!there(path.join(folder, "other"), "store.key"));
  });
});

describe("locking and unlocking on the command line", { timeout: 5 * 60_000 }, () => {
  const cleanups = [];
  let data, cli, code;

  before(async () => {
    const folder = scratch("keys");
    cleanups.push(() => remove(folder));
    data = path.join(folder, "data");
    cli = commandLine(data);
    const { program } = await serve(data, { name: "keys-serve", env: { LC_ALL: "en_US.UTF-8", LANGUAGE: "" } });
    cleanups.push(() => program.stop());
    await program.waitFor(/anyone who can read your files can read your data/);
  });
  after(() => tidyUp(cleanups));

  test("says that the key lies in a file, and that there is nothing to lock with", async () => {
    await cli.said(["task", "add", "water the plants"]);
    assert.match(await cli.said(["key", "status"]), /anyone who can read your files can read your data/);
    assert.ok(there(data, "store.key"));
    assert.match(await cli.refused(["key", "lock"]), /choose a passphrase first/i);
  });

  test("makes a recovery code, and a passphrase takes the key out of the folder", async () => {
    [code] = CODE.exec(await cli.said(["key", "recovery"]));
    await cli.said(["key", "passphrase"], `${PASSPHRASE}\n`);
    assert.ok(!there(data, "store.key"));
    assert.doesNotMatch(await cli.said(["key", "status"]), /anyone who can read your files/);
  });

  test("opens nothing while it is locked", async () => {
    assert.match(await cli.said(["key", "lock"]), /The data is locked/);
    for (const args of [["task", "list"], ["knowledge", "search", "x"], ["key", "recovery"]]) {
      assert.match(await cli.refused(args), /locked/);
    }
  });

  test("refuses a wrong passphrase and takes the right one", async () => {
    assert.match(await cli.refused(["key", "unlock"], "four words of yours\n"), /not the passphrase/);
    assert.ok((await cli.status()).locked);
    assert.match(await cli.said(["key", "unlock"], `${PASSPHRASE}\n`), /The data is unlocked/);
    assert.deepEqual(await cli.titles(), ["water the plants"]);
  });

  test("refuses a wrong recovery code and takes the right one", async () => {
    await cli.said(["key", "lock"]);
    assert.match(await cli.refused(["key", "unlock", "--recovery"], `${code.slice(0, -1)}\n`), /40 characters/);
    assert.ok((await cli.status()).locked);
    await cli.said(["key", "unlock", "--recovery"], `${code.toLowerCase()}\n`);
    assert.deepEqual(await cli.titles(), ["water the plants"]);
  });
});

describe("locking and unlocking in the browser", { timeout: 5 * 60_000 }, () => {
  const cleanups = [];
  let data, page, driver, code;

  const step = pictured("keys", (file) => driver.screenshot(file));

  before(async () => {
    const folder = scratch("keys-web");
    cleanups.push(() => remove(folder));
    data = path.join(folder, "data");
    const { program, api } = await serve(data, { name: "keys-web" });
    cleanups.push(() => program.stop());
    driver = await browser(folder, cleanups);
    page = new Page(driver);
    await driver.open("about:blank");
    await driver.open(`${api.base}/#token=${api.token}`);
  });
  after(() => tidyUp(cleanups));

  step("the first page says that the key lies in a file, and a passphrase ends that", async () => {
    await page.see("key-notice", { attributes: { state: "file" }, text: "anyone who can read your files can read your data" });
    await page.click("key-notice-set");
    await page.fill("key-new", PASSPHRASE);
    await page.fill("key-again", PASSPHRASE);
    await page.click("key-submit");
    await page.see("key-notice", { attributes: { state: "no-code" } });
    assert.ok(!there(data, "store.key"));
  });

  step("the first page shows a recovery code once", async () => {
    await page.click("key-notice-code");
    await page.fill("key-old", PASSPHRASE);
    await page.click("key-submit");
    code = await page.text("recovery-code");
    assert.match(code, CODE);
    await page.click("key-done");
    await page.see("key-notice", { attributes: { state: "safe" } });
    await page.click("welcome-skip");
    await page.call("task_add", { title: "water the plants", notes: null, priority: "normal", category: null, due: null, recurrence: null });
  });

  const lock = async () => {
    await page.go("settings");
    await page.click("key-lock");
    await page.see("unlock");
    await page.gone("rail");
    await assert.rejects(page.call("task_list"), /locked/);
  };
  const isOpen = async () => {
    await page.gone("unlock");
    await page.go("tasks");
    await page.see("task-row", { text: "water the plants" });
  };

  step("a wrong passphrase is refused, and the right one opens", async () => {
    await lock();
    await page.fill("unlock-secret", "four words of yours");
    await page.click("unlock-submit");
    await page.see("unlock-refused", { text: "not the passphrase" });
    await page.fill("unlock-secret", PASSPHRASE);
    await page.click("unlock-submit");
    await isOpen();
  });

  step("a mistyped recovery code is refused, and the right one opens", async () => {
    await lock();
    await page.click("unlock-swap");
    const mistyped = code.replace(/^./, (first) => (first === "7" ? "8" : "7"));
    await page.fill("unlock-secret", mistyped);
    await page.click("unlock-submit");
    await page.see("unlock-refused", { text: "typing mistake" });
    await page.fill("unlock-secret", code);
    await page.click("unlock-submit");
    await isOpen();
  });
});

describe("damaged data", { timeout: 5 * 60_000 }, () => {
  const cleanups = [];
  let folder, data, database, cli, damaged;

  before(async () => {
    folder = scratch("damaged");
    cleanups.push(() => remove(folder));
    data = path.join(folder, "data");
    database = path.join(data, "moltworker.db");
    cli = commandLine(data);
    await cli.said(["task", "add", "water the plants"]);
    const { program } = await serve(data, { name: "keys-copies" });
    const copies = () => there(data, "backups") && fs.readdirSync(path.join(data, "backups")).filter((name) => /^\d{8}T\d{6}Z\.db$/.test(name));
    await until("the copy of the day", () => copies().length === 1);
    await cli.said(["task", "add", "after the copy"]);
    await program.stop();
  });
  after(() => tidyUp(cleanups));

  const damage = () => {
    damaged = fs.readFileSync(database);
    for (let at = 4096 + 100; at < damaged.length; at += 4096) damaged[at] ^= 1;
    fs.writeFileSync(database, damaged);
  };

  test("is said, with what can be done, and nothing is put back by itself", async () => {
    damage();
    for (const args of [["task", "list"], ["key", "status"]]) {
      const { code, stdout, stderr } = await run(built("moltworker"), args, { env: { LC_ALL: "en_US.UTF-8", LANGUAGE: "", MOLTWORKER_DATA: data } });
      assert.equal(code, args[0] === "key" ? 0 : 1);
      assert.match(stdout + stderr, /damaged[\s\S]*`moltworker restore` puts the copy of 20/);
    }
    assert.deepEqual(fs.readFileSync(database), damaged);
  });

  test("is put back on the command line, and the damaged file stays", async () => {
    assert.match(await cli.said(["restore"]), /The copy of 20.* was put back/);
    assert.deepEqual(await cli.titles(), ["water the plants"]);
    assert.deepEqual(fs.readFileSync(path.join(data, "moltworker.db.damaged-1")), damaged);
    assert.match(await cli.refused(["restore"]), /nothing was put back/);
  });

  test("is put back in the browser", async () => {
    damage();
    const { program, api } = await serve(data, { name: "keys-damaged" });
    cleanups.push(() => program.stop());
    const driver = await browser(folder, cleanups);
    const page = new Page(driver);
    await driver.open("about:blank");
    await driver.open(`${api.base}/#token=${api.token}`);
    await page.see("unlock", { text: "Your data is damaged" });
    await page.click("restore");
    await page.gone("unlock");
    await page.click("welcome-skip");
    await page.go("tasks");
    await page.see("task-row", { text: "water the plants" });
    assert.ok(there(data, "moltworker.db.damaged-2"));
  });
});
