/** The time of day as the programs under test see it; it can be moved while they run. */
import fs from "node:fs";
import path from "node:path";

import { ROOT, run } from "./programs.mjs";

export class Clock {
  #file;
  #seconds = 0;

  /** `folder` is the test's own. */
  static async in(folder) {
    const clock = new Clock();
    const library = path.join(folder, "clock.so");
    const source = path.join(ROOT, "tests/e2e/lib/clock.c");
    const { code, stderr } = await run("cc", ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source]);
    if (code !== 0) throw new Error(`the clock was not built: ${stderr}`);
    clock.#file = path.join(folder, "clock");
    clock.#write();
    /** What a program needs to go by this clock. */
    clock.env = { LD_PRELOAD: library, MOLTWORKER_TEST_CLOCK: clock.#file };
    return clock;
  }

  #write() {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(this.#seconds));
    // In place: the programs have mapped this very file.
    fs.writeFileSync(this.#file, bytes, { flag: fs.existsSync(this.#file) ? "r+" : "w" });
  }

  now() {
    return Date.now() + this.#seconds * 1000;
  }

  advance(seconds) {
    this.#seconds += seconds;
    this.#write();
  }
}
