/** A private desktop: its own display, window manager, message bus, notification service and tray, and a fresh home. */
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { alive, descendants } from "./processes.mjs";
import { freePort, Program, ROOT, remove, run, scratch, tidyUp } from "./programs.mjs";
import { until } from "./wait.mjs";
import { Driver } from "./webdriver.mjs";

const here = path.join(ROOT, "tests/e2e/lib");
// Debian's own Python: others on the machine have no bindings to D-Bus and GTK.
const PYTHON = "/usr/bin/python3";
const execute = promisify(execFile);
const SCREEN = { width: 1440, height: 900 };
/** A window in one colour takes fewer bytes than this. */
const EMPTY_PICTURE = 4000;

export class Session {
  /** What the services said, oldest first. */
  events = [];
  #cleanups = [];

  static async start(name) {
    const session = new Session();
    try {
      await session.#start(name);
      return session;
    } catch (error) {
      await session.stop().catch(() => {});
      throw error;
    }
  }

  async #start(name) {
    this.folder = scratch(name);
    this.#cleanups.push(() => remove(this.folder));
    const runtime = path.join(this.folder, "run");
    fs.mkdirSync(runtime, { mode: 0o700 });
    const home = path.join(this.folder, "home");
    fs.mkdirSync(home);
    this.data = path.join(this.folder, "data");

    this.env = {
      HOME: home,
      XDG_RUNTIME_DIR: runtime,
      XDG_CONFIG_HOME: "",
      XDG_DATA_HOME: "",
      XDG_CACHE_HOME: "",
      MOLTWORKER_DATA: this.data,
      GDK_BACKEND: "x11",
      WAYLAND_DISPLAY: "",
      // Without a real locale WebKit calls the language "C", which no browser interface understands.
      LC_ALL: "en_US.UTF-8",
      LANG: "en_US.UTF-8",
      LANGUAGE: "",
      // No accessibility bus: it would be started for every window and outlive it.
      NO_AT_BRIDGE: "1",
      GTK_A11Y: "none",
    };
    const screen = this.#program("Xvfb", ["-displayfd", "3", "-screen", "0", `${SCREEN.width}x${SCREEN.height}x24`, "-nolisten", "tcp", "-noreset"], {
      fds: ["pipe"],
    });
    let number = "";
    screen.child.stdio[3].on("data", (text) => (number += text));
    await until("Xvfb to name its display", () => {
      if (screen.status) throw new Error(`Xvfb ended: ${screen.errors.join(" | ")}`);
      return number.endsWith("\n");
    });
    this.env.DISPLAY = `:${number.trim()}`;

    const bus = this.#program("dbus-daemon", ["--session", "--nofork", "--nopidfile", "--print-address=1"]);
    const [, address] = await bus.waitFor(/^(unix:.*)$/);
    this.env.DBUS_SESSION_BUS_ADDRESS = address;

    this.services = this.#program(PYTHON, [path.join(here, "services.py")], { name: "services" });
    await this.services.waitFor(/"ready"/);
    this.#program("openbox", ["--sm-disable"]);
    await until("the window manager", () => this.xdotool("get_num_desktops"));
  }

  #program(file, args, options = {}) {
    const program = new Program(file, args, { env: this.env, ...options });
    this.#cleanups.push(() => program.stop());
    return program;
  }

  /** Everything the services have said so far. */
  seen(event) {
    return this.services.lines.map((line) => JSON.parse(line)).filter((message) => message.event === event);
  }

  /** Asks the services for something and gives the answer to it. */
  async order(order, answer) {
    const before = this.seen(answer).length;
    const errors = this.seen("error").length;
    this.services.child.stdin.write(`${JSON.stringify(order)}\n`);
    return until(`the desktop's answer to ${order.do}`, () => {
      const error = this.seen("error")[errors];
      if (error) throw new Error(error.message);
      return this.seen(answer)[before];
    });
  }

  tray() {
    return this.order({ do: "tray" }, "tray");
  }

  /** Chooses an entry of the tray's menu. */
  choose(label) {
    return this.order({ do: "click", label }, "clicked");
  }

  /** Presses a button of a notification. */
  press(notification, action) {
    this.services.child.stdin.write(`${JSON.stringify({ do: "invoke", id: notification.id, action })}\n`);
  }

  notification(fits, options) {
    return until("the notification", () => this.seen("notify").find(fits), options);
  }

  /** Pictures a window as it stands on the screen, or the whole screen, once it is drawn and changes no more. */
  async picture(file, window) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const place = window ? await this.geometry(window) : { x: 0, y: 0, ...SCREEN };
    let last;
    await until(`a picture for ${file}`, async () => {
      await this.order({ do: "screenshot", file, ...place }, "screenshot");
      const [before, now] = [last, fs.readFileSync(file)];
      last = now;
      return now.length > EMPTY_PICTURE && before?.equals(now);
    }, { every: 150 });
  }

  async xdotool(...args) {
    const { stdout } = await execute("xdotool", args.map(String), { env: { ...process.env, ...this.env } });
    return stdout.trim();
  }

  /** Ids of the visible windows with this title. */
  async windows(title) {
    const found = await this.xdotool("search", "--onlyvisible", "--name", title).catch(() => "");
    return found.split("\n").filter(Boolean);
  }

  /** Where a window stands on the screen, without its frame. */
  geometry(window) {
    return this.order({ do: "place", window: Number(window) }, "place");
  }

  /** Closes a window as the user does. */
  async close(window) {
    const isThere = () => this.xdotool("getwindowname", window).then(() => true, () => false);
    await until("the window to close", async () => {
      // The window manager loses keys while a window is new.
      await this.xdotool("windowactivate", "--sync", window, "key", "alt+F4");
      return until("it to go", async () => !(await isThere()), { within: 2000 }).catch(() => false);
    });
  }

  /** Moves the mouse from one place of the screen to another with its button down; lets go when `ready`. */
  async pull(from, to, ready = async () => {}) {
    const steps = 20;
    const along = (start, end, step) => Math.round(start + ((end - start) * step) / steps);
    await this.xdotool("mousemove", Math.round(from.x), Math.round(from.y), "mousedown", 1);
    for (let step = 1; step <= steps; step++) {
      await this.xdotool("mousemove", "--sync", along(from.x, to.x, step), along(from.y, to.y, step));
    }
    await ready();
    await this.xdotool("mouseup", 1);
  }

  /** Drags files with the mouse into the middle of a window. */
  async drag(files, window) {
    const { x, y, width, height } = await this.geometry(window);
    const source = this.#program(PYTHON, [path.join(here, "drag.py"), "10", "10", ...files], { name: "drag" });
    await source.waitFor(/^ready/);
    await this.pull({ x: 60, y: 50 }, { x: x + width / 2, y: y + height / 2 }, () => source.waitFor(/^dragging/));
    await source.waitFor(/^dropped/);
  }

  /** Starts the desktop program without a driver. */
  start(file, args = []) {
    return this.#program(file, args, { name: path.basename(file) });
  }

  /** Runs a program in this session to its end. */
  run(file, args = []) {
    return run(file, args, { env: this.env });
  }

  /** Opens the desktop program under WebDriver. */
  async drive(file) {
    const port = await freePort();
    const program = this.#program("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], {
      env: { ...this.env, TAURI_WEBVIEW_AUTOMATION: "true" },
      name: "desktop",
    });
    const base = `http://127.0.0.1:${port}`;
    await until("WebKitWebDriver", async () => (await fetch(`${base}/status`)).ok);
    const driver = await Driver.start(base, { "webkitgtk:browserOptions": { binary: file, args: [] } });
    const [pid] = descendants(program.pid, path.basename(file));
    // It outlives its driver when its window is closed, and goes on in the tray.
    this.#cleanups.push(async () => {
      if (alive(pid)) process.kill(pid, "SIGTERM");
      await until("the program to end", () => !alive(pid));
    });
    return { driver, program };
  }

  stop() {
    return tidyUp(this.#cleanups);
  }
}
