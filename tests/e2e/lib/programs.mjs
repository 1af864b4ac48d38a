/** Starting the programs under test and their helpers: logged to files, ended with the test, never left behind. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

import { until } from "./wait.mjs";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const OUTPUT = process.env.MOLTWORKER_OUTPUT ?? path.join(ROOT, "target");
const BIN = process.env.MOLTWORKER_BIN ?? path.join(cacheFolder(), "moltworker/target/debug");
const LOGS = path.join(OUTPUT, "e2e-logs");

function cacheFolder() {
  return process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
}

/** The path of one of our programs, as `cargo xtask` built it. */
export function built(name) {
  const file = path.join(BIN, name);
  if (!fs.existsSync(file)) throw new Error(`${file} is not built; run the tests with cargo xtask test`);
  return file;
}

/** A new empty folder. */
export function scratch(name) {
  return fs.mkdtempSync(path.join(os.tmpdir(), `molt-${name}-`));
}

export function remove(folder) {
  // A program that was just killed may still be writing its last file.
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** A TCP port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A started program. Its output goes line by line to `lines` and to a log file. */
export class Program {
  /** Everything that was said on the standard output; `errors` likewise. */
  lines = [];
  errors = [];
  status = null;

  constructor(file, args, { env = {}, cwd = ROOT, name = path.basename(file), fds = [] } = {}) {
    fs.mkdirSync(LOGS, { recursive: true });
    this.name = name;
    this.log = fs.createWriteStream(path.join(LOGS, `${name}.log`), { flags: "a" });
    this.log.write(`--- ${new Date().toISOString()} ${file} ${args.join(" ")}\n`);
    this.child = spawn(file, args, { env: { ...process.env, ...env }, cwd, stdio: ["pipe", "pipe", "pipe", ...fds] });
    // A program that has ended reads nothing more; `exited` tells what is to be told.
    this.child.stdin.on("error", () => {});
    this.exited = new Promise((resolve) => {
      this.child.on("error", (error) => resolve((this.status = { error })));
      this.child.on("close", (code, signal) => resolve((this.status = { code, signal })));
    });
    // What it has started may hold its outputs open for ever.
    this.child.on("exit", () => setTimeout(() => [this.child.stdout, this.child.stderr].forEach((pipe) => pipe.destroy()), 2000));
    this.#collect(this.child.stdout, this.lines);
    this.#collect(this.child.stderr, this.errors);
  }

  #collect(stream, lines) {
    readline.createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      this.log.write(`${line}\n`);
    });
  }

  get pid() {
    return this.child.pid;
  }

  /** The match of the first line, on either output, that fits. */
  waitFor(pattern, options) {
    return until(`${this.name} to say ${pattern}`, () => {
      for (const line of [...this.lines, ...this.errors]) {
        const match = pattern.exec(line);
        if (match) return match;
      }
      if (this.status) throw new Error(`it ended (${JSON.stringify(this.status)}): ${this.errors.slice(-5).join(" | ")}`);
      return null;
    }, options);
  }

  /** Ends the program: kindly first, with SIGKILL when it does not answer. */
  async stop(patience = 8000) {
    if (this.status) return this.status;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), patience);
    await this.exited;
    clearTimeout(timer);
    return this.status;
  }

  async kill() {
    this.child.kill("SIGKILL");
    return this.exited;
  }
}

/** Runs a program to its end. */
export async function run(file, args, { input, ...options } = {}) {
  const program = new Program(file, args, options);
  program.child.stdin.end(input);
  const { code, error } = await program.exited;
  if (error) throw error;
  return { code, stdout: program.lines.join("\n"), stderr: program.errors.join("\n") };
}

/** Runs what `cleanups` says in reverse order, however many of them fail; the first failure is thrown. */
export async function tidyUp(cleanups) {
  let failure;
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      await cleanup();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
}
