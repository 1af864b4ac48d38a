/** A W3C WebDriver client: only what the tests need. It serves the real window (WebKit) and the browser (Chromium) alike. */
import fs from "node:fs";
import path from "node:path";

/** A driver that takes longer for one order hangs. */
const PATIENCE_MS = 60_000;
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

export class Driver {
  #base;
  #session;

  /** `base` is the address of the driver program. */
  static async start(base, capabilities) {
    const driver = new Driver();
    driver.#base = base;
    const session = await driver.#request("POST", "/session", { capabilities: { alwaysMatch: capabilities } });
    driver.#session = `/session/${session.sessionId}`;
    driver.capabilities = session.capabilities;
    await driver.#inSession("POST", "/timeouts", { script: 30_000, implicit: 0 });
    return driver;
  }

  async #request(method, where, body) {
    const response = await fetch(this.#base + where, {
      method,
      headers: { "content-type": "application/json" },
      body: method === "POST" ? JSON.stringify(body ?? {}) : undefined,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${where.split("/").slice(3).join("/")}: ${value.error}: ${value.message}`);
    return value;
  }

  #inSession(method, where, body) {
    return this.#request(method, this.#session + where, body);
  }

  /** Element ids, in the order of the page. */
  async all(css) {
    const found = await this.#inSession("POST", "/elements", { using: "css selector", value: css });
    return found.map((element) => element[ELEMENT]);
  }

  click(element) {
    return this.#inSession("POST", `/element/${element}/click`);
  }

  /** Types into an element. */
  type(element, text) {
    return this.#inSession("POST", `/element/${element}/value`, { text });
  }

  clear(element) {
    return this.#inSession("POST", `/element/${element}/clear`);
  }

  /** The text as it is rendered. The drivers' own answer leaves out what is cut off with an ellipsis. */
  text(element) {
    return this.run("return arguments[0].innerText", { [ELEMENT]: element });
  }

  attribute(element, name) {
    return this.#inSession("GET", `/element/${element}/attribute/${name}`);
  }

  displayed(element) {
    return this.#inSession("GET", `/element/${element}/displayed`);
  }

  enabled(element) {
    return this.#inSession("GET", `/element/${element}/enabled`);
  }

  /** Runs the body of a function in the page and gives what it returns. */
  run(script, ...args) {
    return this.#inSession("POST", "/execute/sync", { script, args });
  }

  /** Runs the body of an async function in the page; its failure is thrown here. */
  async runAsync(script, ...args) {
    const outcome = await this.#inSession("POST", "/execute/async", {
      script: `const done = arguments[arguments.length - 1];
        (async (...args) => { ${script} })(...Array.from(arguments).slice(0, -1)).then(
          (value) => done({ value }), (error) => done({ error: error?.message ?? JSON.stringify(error) }));`,
      args,
    });
    if ("error" in outcome) throw new Error(outcome.error);
    return outcome.value;
  }

  /** Presses keys one after the other while the modifiers are held. WebDriver's names: `\uE00C` is Escape, `\uE009` Control. */
  keys(keys, modifiers = []) {
    const actions = [
      ...modifiers.map((value) => ({ type: "keyDown", value })),
      ...[...keys].flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]),
      ...modifiers.map((value) => ({ type: "keyUp", value })),
    ];
    return this.#inSession("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Turns the wheel over the middle of an element: one event for each distance, in px. */
  wheel(element, distances) {
    const actions = distances.map((deltaY) => ({ type: "scroll", x: 0, y: 0, deltaX: 0, deltaY, duration: 0, origin: { [ELEMENT]: element } }));
    return this.#inSession("POST", "/actions", { actions: [{ type: "wheel", id: "wheel", actions }] });
  }

  open(url) {
    return this.#inSession("POST", "/url", { url });
  }

  url() {
    return this.#inSession("GET", "/url");
  }

  /** Makes the window this large; the web view is a little smaller. */
  resize(width, height) {
    return this.#inSession("POST", "/window/rect", { width, height });
  }

  async screenshot(file) {
    const picture = await this.#inSession("GET", "/screenshot");
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, Buffer.from(picture, "base64"));
  }

  /** What the page wrote to its console (Chromium only). */
  log(type) {
    return this.#inSession("POST", "/se/log", { type });
  }

  quit() {
    return this.#request("DELETE", this.#session);
  }
}
