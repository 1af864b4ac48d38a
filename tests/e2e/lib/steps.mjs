/** Tests that leave a picture of what was to be seen when they failed. */
import path from "node:path";
import { test } from "node:test";

import { OUTPUT } from "./programs.mjs";

/** Like `test`; `shoot` writes a picture to a file. */
export function pictured(face, shoot) {
  return (name, body) =>
    test(name, async () => {
      try {
        await body();
      } catch (error) {
        const file = path.join(OUTPUT, "shots", `failed-${face}-${name.replace(/[^a-z]+/gi, "-")}.png`);
        await shoot(file).then(
          // Not assigned: a failure that was an abortion has only a getter.
          () => Object.defineProperty(error, "message", { value: `${error.message} (see ${file})` }),
          () => {},
        );
        throw error;
      }
    });
}
