/** A private message bus on which the real keyring of GNOME runs, locked or unlocked, without a display. */
import fs from "node:fs";
import path from "node:path";

import { Program, run } from "./programs.mjs";
import { until } from "./wait.mjs";

/** No service starts by itself: what is not started here is not there, and nobody is shown a dialog. */
const config = (folder) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${folder}/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

export class Keyring {
  /** A bus with nothing on it. What is to be ended later is added to `cleanups`. */
  static async onBus(folder, cleanups) {
    const keyring = new Keyring();
    const home = path.join(folder, "home");
    const runtime = path.join(folder, "run");
    for (const made of [home, runtime]) fs.mkdirSync(made, { recursive: true, mode: 0o700 });
    const file = path.join(folder, "bus.conf");
    fs.writeFileSync(file, config(runtime));
    keyring.env = {
      HOME: home,
      XDG_RUNTIME_DIR: runtime,
      XDG_DATA_HOME: "",
      XDG_CACHE_HOME: "",
      XDG_CONFIG_HOME: "",
      DISPLAY: "",
      WAYLAND_DISPLAY: "",
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus`,
      MOLTWORKER_KEYRING: "on",
    };
    const bus = new Program("dbus-daemon", [`--config-file=${file}`, "--nofork", "--nopidfile", "--print-address=1"], { env: keyring.env });
    cleanups.push(() => bus.stop());
    await bus.waitFor(/^unix:/);
    cleanups.push(() => keyring.stop());
    return keyring;
  }

  /** Starts the service. Without a password what it holds stays locked. */
  async start(password) {
    const unlock = password === undefined ? [] : ["--unlock"];
    this.service = new Program("gnome-keyring-daemon", ["--foreground", "--components=secrets", ...unlock], { env: this.env });
    this.service.child.stdin.end(password);
    await until("the keyring to answer", async () => {
      if (this.service.status) throw new Error(`it ended: ${this.service.errors.join(" | ")}`);
      return this.isThere();
    });
  }

  async isThere() {
    const question = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"];
    return (await run("dbus-send", question, { env: this.env })).stdout.includes("true");
  }

  /** It is there, and answers nothing. */
  freeze() {
    this.service.child.kill("SIGSTOP");
  }

  thaw() {
    this.service.child.kill("SIGCONT");
  }

  async stop() {
    if (!this.service) return;
    this.thaw();
    await this.service.stop();
    await until("the keyring to be gone", async () => !(await this.isThere()));
  }
}
