/** Chromium without a window, driven over WebDriver. */
import fs from "node:fs";
import path from "node:path";

import { freePort, Program } from "./programs.mjs";
import { until } from "./wait.mjs";
import { Driver } from "./webdriver.mjs";

/** Its home lies in `folder`; what is to be ended later is added to `cleanups`. */
export async function browser(folder, cleanups) {
  const port = await freePort();
  const home = path.join(folder, "home");
  fs.mkdirSync(home);
  const chromedriver = new Program("chromedriver", [`--port=${port}`], {
    env: { HOME: home, LC_ALL: "en_US.UTF-8", LANGUAGE: "en" },
  });
  cleanups.push(() => chromedriver.stop());
  const base = `http://127.0.0.1:${port}`;
  await until("chromedriver", async () => (await fetch(`${base}/status`)).ok);
  const driver = await Driver.start(base, {
    browserName: "chrome",
    "goog:chromeOptions": {
      args: [
        "--headless=new",
        "--window-size=1280,860",
        "--lang=en-US",
        // Containers have no place for Chromium's own sandbox and little shared memory.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--no-first-run",
        // The page must need nothing but the program: no other name is found.
        "--disable-background-networking",
        "--disable-component-update",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
      ],
    },
    "goog:loggingPrefs": { browser: "ALL" },
  });
  cleanups.push(() => driver.quit());
  return driver;
}
