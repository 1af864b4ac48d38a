/**
 * Ten thousand small files in a watched folder: how long the first reading takes, whether the index equals the disk after
 * ten thousand changes within five seconds, what a restart and what moved files cost, and the load when nothing happens.
 * No embedder is loaded: files are found by their words.
 *
 *   cargo xtask bench folders, or with built programs: node tests/bench/folders.mjs
 *
 * As root the kernel's queue of notifications is made short while the program starts, so that it overflows. The folder lies
 * in memory where the system has such a place: on a disk the program's syncs slow the changes down. The changes come from a
 * seed that is printed; MOLTWORKER_SEED repeats them, MOLTWORKER_FILES changes the number of files.
 * Prints progress and what is wrong, and as its last line the figures as JSON. Fails when the index does not equal the disk.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { serve } from "../e2e/lib/api.mjs";
import { cpuSeconds, memory } from "../e2e/lib/processes.mjs";
import { remove, scratch, tidyUp } from "../e2e/lib/programs.mjs";
import { Random, word } from "../e2e/lib/random.mjs";

const FILES = Number(process.env.MOLTWORKER_FILES) || 10_000;
const FOLDERS = Math.ceil(FILES / 100);
const CHANGES = FILES;
const MOVED = Math.ceil(FILES / 10);
const SAMPLE = 400;
const MANY = 500;
const CHANGE_MS = 5000;
/** The index has to equal the disk so long after the last change. */
const IN_STEP_MS = 60_000;
const FIRST_MS = 30 * 60_000;
const IDLE_SECONDS = 60;
const QUEUE = "/proc/sys/fs/inotify/max_queued_events";
const SHORT_QUEUE = 64;
/** A file system in memory. */
const MEMORY = "/dev/shm";
const random = new Random();
console.log(`seed ${random.seed}, ${FILES} files; load of the machine before ${os.loadavg()[0].toFixed(1)} on ${os.cpus().length} cores`);

const figures = [];
function figure(name, value, unit) {
  figures.push({ name, value: Math.round(value * 100) / 100, unit });
  console.log(`${name}: ${value.toFixed(2)} ${unit}`);
}

const wrong = [];
function fault(sentence) {
  wrong.push(sentence);
  console.log(`WRONG: ${sentence}`);
}

function tell(what, list) {
  if (list.length > 0) fault(`${list.length} ${what}, the first: ${list.slice(0, 5).join(", ")}`);
}

// The folder -----------------------------------------------------------------------------------------------------------

const ENGLISH = "the report of this quarter was sent to all partners and they agreed on a budget for the warehouse near the harbour".split(" ");
const CHINESE = ["会议决定下周交付样品", "预算已经获得批准", "负责人会联系仓库", "合同在周五之前寄出"];
const used = new Set();

/** What stands in one text only: a word, or a row of Han characters. */
function own(chinese) {
  for (;;) {
    const text = chinese
      ? Array.from({ length: 6 }, () => String.fromCodePoint(0x4e00 + Math.floor(random.next() * 6000))).join("")
      : word(random, 6);
    if (used.has(text)) continue;
    used.add(text);
    return text;
  }
}

const isChinese = (file) => file.includes("笔记");

/** Path to the word of its own, as the folder should be; and the folders there are. */
const model = new Map();
const folders = [];

function write(file) {
  const chinese = isChinese(file);
  const secret = own(chinese);
  const filler = () => Array.from({ length: chinese ? 4 : 30 }, () => random.pick(chinese ? CHINESE : ENGLISH)).join(chinese ? "，" : " ");
  const heading = file.endsWith(".md") ? `# ${chinese ? "笔记" : "Note"}\n\n` : "";
  const text = chinese ? `${filler()}。\n暗号是${secret}。\n\n${filler()}。\n` : `${filler()}.\nThe secret word is ${secret}.\n\n${filler()}.\n`;
  fs.writeFileSync(file, heading + text);
  model.set(file, secret);
}

let made = 0;
function newName() {
  made += 1;
  return `${random.next() < 0.5 ? "note" : "笔记"}-${made}.${random.next() < 0.5 ? "md" : "txt"}`;
}

/** The files below a folder, by path with their sizes. */
function listing(root) {
  const found = new Map();
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(file, fs.statSync(file).size);
  }
  return found;
}

function make(root) {
  folders.push(root);
  for (let at = 1; at < FOLDERS; at++) {
    const folder = path.join(random.pick(folders.slice(0, 20)), `folder-${at}`);
    fs.mkdirSync(folder);
    folders.push(folder);
  }
  for (let at = 0; at < FILES; at++) write(path.join(random.pick(folders), newName()));
}

// Changes --------------------------------------------------------------------------------------------------------------

/** The files as a list from which any one is taken at once; files that moved with a folder are looked up again. */
class Files {
  constructor() {
    this.list = [...model.keys()];
  }

  any() {
    for (;;) {
      const at = Math.floor(random.next() * this.list.length);
      if (model.has(this.list[at])) return this.list[at];
      this.list[at] = this.list.at(-1);
      this.list.pop();
    }
  }
}

function renamed(from, to) {
  fs.renameSync(from, to);
  model.set(to, model.get(from));
  model.delete(from);
}

/** Renames a folder, or moves it into another, with all that is below. */
function renameFolder(files) {
  const from = folders[1 + Math.floor(random.next() * (folders.length - 1))];
  made += 1;
  const parents = folders.filter((folder) => folder !== from && !folder.startsWith(`${from}/`));
  const to = path.join(random.next() < 0.5 ? path.dirname(from) : random.pick(parents), `folder-${made}`);
  fs.renameSync(from, to);
  const there = (place) => (place === from || place.startsWith(`${from}/`) ? to + place.slice(from.length) : place);
  folders.forEach((folder, at) => (folders[at] = there(folder)));
  for (const [file, secret] of [...model]) {
    if (there(file) === file) continue;
    model.delete(file);
    model.set(there(file), secret);
    files.list.push(there(file));
  }
}

const CHANGE = {
  create(files) {
    const file = path.join(random.pick(folders), newName());
    write(file);
    files.list.push(file);
  },
  modify: (files) => write(files.any()),
  /** As many editors save: the new text goes beside the file and takes its place. */
  replace(files) {
    const file = files.any();
    const beside = path.join(path.dirname(file), `.${made++}.tmp${isChinese(file) ? "笔记" : ""}${path.extname(file)}`);
    write(beside);
    renamed(beside, file);
  },
  rename(files) {
    const from = files.any();
    const to = path.join(random.pick(folders), newName());
    renamed(from, to);
    files.list.push(to);
  },
  renameOver(files) {
    const [from, to] = [files.any(), files.any()];
    if (from !== to) renamed(from, to);
  },
  remove(files) {
    const file = files.any();
    fs.rmSync(file);
    model.delete(file);
  },
  folder() {
    const folder = path.join(random.pick(folders), `folder-${++made}`);
    fs.mkdirSync(folder);
    folders.push(folder);
  },
  renameFolder,
};
const SHARES = Object.entries({ create: 25, modify: 25, replace: 10, rename: 15, renameOver: 3, remove: 21.5, folder: 0.3, renameFolder: 0.2 });

function change() {
  const files = new Files();
  const counts = {};
  for (let at = 0; at < CHANGES; at++) {
    let left = random.next() * 100;
    const [name] = SHARES.find(([, share]) => (left -= share) < 0);
    CHANGE[name](files);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

// The program ----------------------------------------------------------------------------------------------------------

/** Processor seconds of the tree, with those of workers that have ended. */
function spent(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return cpuSeconds(pid) + (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Starts the program with a short queue of notifications, if this is allowed: it is of the size it had at the start. */
async function start(data) {
  const before = fs.readFileSync(QUEUE, "utf8");
  const shorten = (size) => {
    try {
      fs.writeFileSync(QUEUE, String(size));
      return true;
    } catch {
      return false;
    }
  };
  const short = shorten(SHORT_QUEUE);
  if (!short) console.log("the queue of notifications keeps its size; overflow is not forced");
  try {
    return await serve(data, { name: "bench-folders" });
  } finally {
    if (short) shorten(before.trim());
  }
}

/** Counts the events by name, with the longest pause between two, until it is stopped. */
function listen(api) {
  const stop = new AbortController();
  const seen = { count: {}, longest: 0 };
  seen.stop = () => stop.abort();
  const read = async () => {
    const answer = await fetch(`${api.base}/api/events`, { headers: { authorization: `Bearer ${api.token}` }, signal: stop.signal });
    let last = performance.now();
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      const names = [...piece.matchAll(/"topic":"(\w+)"/g)].map(([, name]) => name);
      for (const name of names) seen.count[name] = (seen.count[name] ?? 0) + 1;
      if (names.length > 0) {
        seen.longest = Math.max(seen.longest, performance.now() - last);
        last = performance.now();
      }
    }
  };
  read().catch((error) => {
    if (!stop.signal.aborted) throw error;
  });
  return seen;
}

const documents = (api) => api.call("document_list", { source_id: null });

/** How the catalogue differs from the disk: files without a document, documents without a file, and those not read. */
async function difference(api, root) {
  const disk = listing(root);
  const [missing, many, unread] = [[], [], []];
  const seen = new Set();
  for (const document of await documents(api)) {
    if (!disk.has(document.path) || seen.has(document.path)) many.push(document.path);
    else if (document.state !== "indexed" || document.size !== disk.get(document.path)) unread.push(`${document.path} (${document.state}, ${document.size} of ${disk.get(document.path)} bytes)`);
    seen.add(document.path);
  }
  for (const file of disk.keys()) if (!seen.has(file)) missing.push(file);
  return { missing, many, unread, left: missing.length + many.length + unread.length };
}

/** Waits until the program has nothing to read and its list is that of the disk; the time, and how long `status` took. */
async function inStep(api, root, { within, begun = performance.now() }) {
  const answers = [];
  let told = 0;
  for (;;) {
    const asked = performance.now();
    const { index } = await api.call("status");
    answers.push(performance.now() - asked);
    const time = performance.now() - begun;
    if (index.pending === 0 && index.current === null && (await difference(api, root)).left === 0) return { time, answers };
    if (time > within) return { time: Infinity, answers, ...(await difference(api, root)) };
    if (time - told > 10_000) {
      told = time;
      console.log(`${(time / 1000).toFixed(0)} s: ${index.indexed} read, ${index.pending} wait`);
    }
    // Each question costs the program time, so it is asked seldom while there is much to do.
    await pause(index.pending > MANY ? 3000 : 500);
  }
}

/** Compares the text of every file and the index's answers for some with what was written. */
async function compare(api, root) {
  const disk = listing(root);
  if (disk.size !== model.size || [...disk.keys()].some((file) => !model.has(file))) throw new Error("this script does not know what it did");
  const { missing, many, unread } = await difference(api, root);
  tell("files are not in the library", missing);
  tell("documents are of no file", many);
  tell("files are not read", unread);
  const list = await documents(api);
  const stale = [];
  let chunks = 0;
  for (const { id, path: file } of list) {
    const view = await api.call("document_get", { id });
    chunks += view.chunks.length;
    if (!view.chunks.some(({ text }) => text.includes(model.get(file)))) stale.push(file);
  }
  tell("documents have an older text", stale);
  const { index } = await api.call("status");
  if (index.chunks !== chunks) fault(`the index holds ${index.chunks} chunks, the catalogue ${chunks}`);
  const unfound = [];
  const files = [...model.keys()];
  for (let at = 0; at < Math.min(SAMPLE, files.length); at++) {
    const file = random.pick(files);
    const secret = model.get(file);
    const { passages } = await api.call("knowledge_search", { query: secret, limit: 10, source_id: null });
    const found = passages.filter(({ text }) => text.includes(secret)).map((passage) => passage.path);
    if (found.length !== 1 || found[0] !== file) unfound.push(`${secret} of ${file}: found in [${found.join(", ")}]`);
  }
  tell("words are not found where they stand", unfound);
}

/** What a page that shows all documents reads: all of them once, and then one that changed. */
async function readAsPage(api, root) {
  const size = (answer) => Buffer.byteLength(JSON.stringify(answer));
  const read = async (mark) => {
    let [bytes, told] = [0, 0];
    for (let more = true; more; ) {
      const answer = await api.call("document_changes", { mark });
      bytes += size(answer);
      told += answer.changed.length;
      ({ mark, more } = answer);
    }
    return { mark, bytes, told };
  };
  const whole = await read(null);
  figure("all documents, in pages", whole.bytes / 2 ** 20, "MB");
  figure("all documents, as one list", size(await documents(api)) / 2 ** 20, "MB");
  CHANGE.modify(new Files());
  await inStep(api, root, { within: IN_STEP_MS });
  const one = await read(whole.mark);
  if (whole.told !== model.size || one.told !== 1) fault(`${whole.told} documents and then ${one.told} were told, not ${model.size} and 1`);
  figure("one document that changed", one.bytes, "bytes");
}

/** Compares the folders that the kernel watches for the program with those on the disk. */
function compareWatches(pid, root) {
  const watched = new Set();
  for (const fd of fs.readdirSync(`/proc/${pid}/fdinfo`)) {
    try {
      const info = fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8");
      for (const [, inode] of info.matchAll(/^inotify wd:\w+ ino:(\w+)/gm)) watched.add(parseInt(inode, 16));
    } catch {
      // It was closed while we looked.
    }
  }
  const there = fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
  const paths = [root, ...there.map((entry) => path.join(entry.parentPath, entry.name))];
  tell("folders are not watched", paths.filter((folder) => !watched.has(fs.statSync(folder).ino)));
}

// The measuring --------------------------------------------------------------------------------------------------------

const cleanups = [];
try {
  const folder = scratch("bench-folders");
  cleanups.push(() => remove(folder));
  const data = path.join(folder, "data");
  const shelf = fs.existsSync(MEMORY) ? fs.mkdtempSync(path.join(MEMORY, "molt-bench-folders-")) : folder;
  cleanups.push(() => remove(shelf));
  const root = path.join(shelf, "library");
  fs.mkdirSync(root);
  make(root);

  let { api, program } = await start(data);
  cleanups.push(() => program.stop());
  const events = listen(api);
  let cpu = spent(program.pid);
  let begun = performance.now();
  await api.call("knowledge_add", { paths: [root] });
  figure("adding the folder until it is answered", (performance.now() - begun) / 1000, "s");
  const first = await inStep(api, root, { within: FIRST_MS, begun });
  events.stop();
  if (first.time === Infinity) throw new Error("the first reading did not end");
  figure("first reading", first.time / 1000, "s");
  figure("first reading, files per second", FILES / (first.time / 1000), "/s");
  figure("first reading, processor time per file", ((spent(program.pid) - cpu) / FILES) * 1000, "ms");
  figure("status while reading, longest", Math.max(...first.answers), "ms");
  figure("events per second while reading", Object.values(events.count).reduce((sum, count) => sum + count, 0) / (first.time / 1000), "/s");
  figure("longest pause between two events", events.longest / 1000, "s");
  console.log(JSON.stringify(events.count));
  figure("memory after the first reading", memory(program.pid) / 2 ** 20, "MB");
  await compare(api, root);

  cpu = spent(program.pid);
  begun = performance.now();
  console.log(JSON.stringify(change()));
  const changing = performance.now() - begun;
  figure(`${CHANGES} changes`, changing / 1000, "s");
  if (changing > CHANGE_MS) console.log("the changes took longer than they should");
  begun = performance.now();
  const second = await inStep(api, root, { within: IN_STEP_MS, begun });
  if (second.time === Infinity) {
    fault(`after ${IN_STEP_MS / 1000} s ${second.missing.length} files were missing, ${second.many.length} too many, ${second.unread.length} not read`);
    const late = await inStep(api, root, { within: FIRST_MS, begun });
    figure("from the last change until the index equals the disk", late.time / 1000, "s");
  } else {
    figure("from the last change until the index equals the disk", second.time / 1000, "s");
  }
  figure("processor time of the changes", spent(program.pid) - cpu, "s");
  await compare(api, root);
  compareWatches(program.pid, root);
  await readAsPage(api, root);

  console.log(`a minute of quiet, then ${IDLE_SECONDS} s are measured`);
  await pause(60_000);
  cpu = spent(program.pid);
  await pause(IDLE_SECONDS * 1000);
  figure("processor when idle", ((spent(program.pid) - cpu) / IDLE_SECONDS) * 100, "% of a core");
  figure("memory when idle", memory(program.pid) / 2 ** 20, "MB");

  const times = new Map((await documents(api)).map(({ id, indexed_at }) => [id, indexed_at]));
  await program.stop();
  begun = performance.now();
  ({ api, program } = await start(data));
  figure("restart until it answers", performance.now() - begun, "ms");
  const again = await inStep(api, root, { within: IN_STEP_MS, begun });
  figure("restart until the index equals the disk", again.time / 1000, "s");
  await pause(20_000);
  figure("processor time of the restart and 20 s after", spent(program.pid), "s");
  const anew = (await documents(api)).filter(({ id, indexed_at }) => times.get(id) !== indexed_at);
  figure("files read again after the restart", anew.length, "files");
  figure("memory after the restart", memory(program.pid) / 2 ** 20, "MB");

  const before = new Map((await documents(api)).map((document) => [model.get(document.path), document.id]));
  const files = new Files();
  cpu = spent(program.pid);
  begun = performance.now();
  for (let at = 0; at < MOVED; at++) CHANGE.rename(files);
  const moved = await inStep(api, root, { within: IN_STEP_MS, begun });
  figure(`${MOVED} moved files until the index equals the disk`, moved.time / 1000, "s");
  figure("processor time of moving", spent(program.pid) - cpu, "s");
  const kept = (await documents(api)).filter((document) => before.get(model.get(document.path)) === document.id).length;
  figure("documents that became others by moving", model.size - kept, "documents");
  await compare(api, root);
} finally {
  await tidyUp(cleanups);
}
console.log(JSON.stringify(figures));
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exitCode = 1;
}
