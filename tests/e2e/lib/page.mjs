/** The UI as a user meets it, by the names (`data-testid`) that its parts carry for tests. */
import { until } from "./wait.mjs";

export const KEY = {
  enter: "\uE007", escape: "\uE00C", control: "\uE009", right: "\uE014", down: "\uE015", delete: "\uE017",
};

export class Page {
  constructor(driver) {
    this.driver = driver;
  }

  #css(name, attributes = {}) {
    const more = Object.entries(attributes).map(([key, value]) => `[data-${key}="${value}"]`);
    return `[data-testid="${name}"]${more.join("")}`;
  }

  /** The parts with this name now. */
  all(name, attributes) {
    return this.driver.all(this.#css(name, attributes));
  }

  /** The one part with this name, as soon as it is there (and says `text`, when given). `last` takes the last of several. */
  see(name, { attributes, text, last = false, within } = {}) {
    const what = `${this.#css(name, attributes)}${text ? ` with the text “${text}”` : ""}`;
    return until(what, async () => {
      const found = await this.all(name, attributes);
      for (const element of last ? found.reverse() : found) {
        if (!text || (await this.driver.text(element)).includes(text)) return element;
      }
      return null;
    }, { within });
  }

  gone(name, { attributes, within } = {}) {
    return until(`${this.#css(name, attributes)} to go`, async () => (await this.all(name, attributes)).length === 0, { within });
  }

  /** Clicks as soon as the part is there and nothing is in its way. */
  async click(name, options = {}) {
    await until(`a click on ${name}`, async () => {
      const element = await this.see(name, { ...options, within: 1 });
      if (!(await this.driver.enabled(element))) return false;
      await this.driver.click(element);
      return true;
    }, { within: options.within });
  }

  /** Types into a field in place of what stands there. */
  async fill(name, text) {
    const field = await this.see(name);
    await this.driver.clear(field);
    await this.driver.type(field, text);
  }

  async text(name, options) {
    return this.driver.text(await this.see(name, options));
  }

  press(keys, modifiers) {
    return this.driver.keys(keys, modifiers);
  }

  /** Calls a use case the way the page does. */
  call(name, args = {}) {
    return this.driver.runAsync(
      `const [name, given] = args;
       if ("__TAURI_INTERNALS__" in window) return window.__TAURI_INTERNALS__.invoke("call", { name, args: given });
       const response = await fetch("/api/" + name, {
         method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(given),
       });
       const answer = await response.json();
       if (!response.ok) throw new Error(name + ": " + answer.message);
       return answer;`,
      name,
      args,
    );
  }

  go(view) {
    return this.click(`nav-${view}`);
  }

  /** Goes to an address within the UI that has no button, such as `reminders`. */
  open(route) {
    return this.driver.run("location.hash = arguments[0]", `#/${route}`);
  }

  /** Waits until what is shown has come to rest: fonts loaded, nothing busy, nothing moving, drawn twice. */
  settled() {
    return until("the page to come to rest", () =>
      this.driver.runAsync(
        `await document.fonts.ready;
         const moving = document.getAnimations().some((one) => one.playState === "running" && one.effect?.getTiming().iterations !== Infinity);
         const busy = document.querySelector('[aria-busy="true"], .skeleton');
         await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
         return !moving && !busy;`,
      ),
    );
  }
}
