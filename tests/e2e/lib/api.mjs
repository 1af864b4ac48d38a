/** The owner of a data directory, called over its local interface: what the tests know besides what is shown. */
import fs from "node:fs";
import path from "node:path";

import { built, Program } from "./programs.mjs";
import { until } from "./wait.mjs";

export class Api {
  constructor({ port, token }) {
    this.base = `http://127.0.0.1:${port}`;
    this.token = token;
  }

  /** The owner that runs with this data directory, as soon as it can be reached. */
  static ofOwner(data, { within = 30_000 } = {}) {
    return until("the owner to be reachable", async () => {
      const api = new Api(JSON.parse(fs.readFileSync(path.join(data, "owner.json"), "utf8")));
      return (await fetch(`${api.base}/health`)).ok && api;
    }, { within });
  }

  async call(name, args = {}, { signal } = {}) {
    const response = await fetch(`${this.base}/api/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: JSON.stringify(args),
      signal,
    });
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(`${name}: ${answer.message}`), { answer });
    return answer;
  }
}

/** `moltworker serve` with a data directory; ready when it can be called. */
export async function serve(data, { env = {}, name = "serve" } = {}) {
  const program = new Program(built("moltworker"), ["serve", "--port", "0"], { env: { ...env, MOLTWORKER_DATA: data }, name });
  try {
    return { program, api: await Api.ofOwner(data) };
  } catch (error) {
    await program.kill();
    throw new Error(`${error.message}; it said: ${program.errors.slice(-5).join(" | ")}`);
  }
}
