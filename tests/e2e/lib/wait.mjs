/** Waiting for conditions, each with a deadline and a name for the message when it does not come true. */

const EVERY_MS = 40;

/**
 * Resolves to the first truthy answer of `probe`. A probe that throws is asked again (an element may have been redrawn
 * between finding and reading it); the last failure is told when time runs out.
 */
export async function until(what, probe, { within = 15_000, every = EVERY_MS } = {}) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
      last = `the last answer was ${JSON.stringify(found)}`;
    } catch (error) {
      last = error.message;
    }
    if (Date.now() >= deadline) throw new Error(`waited ${within} ms for ${what}: ${last}`);
    await new Promise((resume) => setTimeout(resume, every));
  }
}

/** Rejects when `promise` takes longer. */
export function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
