/**
 * Rankings of a retrieval set, made by the program as a user would: passages become files of a folder, which is added and searched.
 *
 *   node tests/bench/retrieval.mjs SET OUTPUT [EMBEDDER]
 *
 * SET has passages.jsonl ({"id", "title", "text"}) and queries.jsonl ({"id", "text"}), and may have unanswerable.jsonl. OUTPUT gets
 * words.jsonl and, with an EMBEDDER (the folder of one), meaning.jsonl and both.jsonl; for each query the passages' ids, best first, and
 * the scores. unanswerable-*.jsonl likewise.
 */
import fs from "node:fs";
import path from "node:path";

import { built, remove, run, scratch } from "../e2e/lib/programs.mjs";

const HITS = 50;
const [set, output, embedder] = process.argv.slice(2);
const read = (name) => fs.readFileSync(path.join(set, name), "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));

const folder = scratch("bench-retrieval");
const env = { MOLTWORKER_DATA: path.join(folder, "data"), MOLTWORKER_KEYRING: "off" };
async function moltworker(...args) {
  const { code, stdout, stderr } = await run(built("moltworker"), args, { env });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

try {
  const library = path.join(folder, "library");
  fs.mkdirSync(library);
  for (const { id, title, text } of read("passages.jsonl")) {
    fs.writeFileSync(path.join(library, `${id}.md`), title ? `# ${title}\n\n${text}\n` : `${text}\n`);
  }
  if (embedder) await moltworker("model", "import", embedder, "--use");
  await moltworker("knowledge", "resume", "--cores", "all");
  const begun = performance.now();
  await moltworker("knowledge", "add", library);
  console.log(`read in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  fs.mkdirSync(output, { recursive: true });
  for (const [questions, prefix] of [["queries.jsonl", ""], ["unanswerable.jsonl", "unanswerable-"]]) {
    if (!fs.existsSync(path.join(set, questions))) continue;
    const file = path.join(folder, questions);
    fs.writeFileSync(file, read(questions).map(({ id, text }) => JSON.stringify({ id, query: text })).join("\n"));
    for (const by of embedder ? ["words", "meaning", "both"] : ["words"]) {
      const found = await moltworker("knowledge", "search", "--batch", file, "--by", by, "--limit", String(HITS));
      const lines = found.split("\n").filter(Boolean).map((line) => {
        const { id, error, ids, passages } = JSON.parse(line);
        if (error) throw new Error(`${id}: ${error.message}`);
        return JSON.stringify({ id, ids, hits: passages.map(({ document_name, score }) => [path.parse(document_name).name, score]) });
      });
      fs.writeFileSync(path.join(output, `${prefix}${by}.jsonl`), `${lines.join("\n")}\n`);
      console.log(`${prefix}${by}: ${lines.length} questions`);
    }
  }
} finally {
  remove(folder);
}
