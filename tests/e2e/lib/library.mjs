/** The fixture library and what is true of it: see tests/fixtures/README.md. */
import fs from "node:fs";
import path from "node:path";

import { ROOT } from "./programs.mjs";

const FIXTURES = path.join(ROOT, "tests/fixtures/library");

/** A protected document, and what it holds. */
export const LOCKED = { file: path.join(ROOT, "tests/fixtures/locked.pdf"), password: "open sesame", words: "safe deposit box", value: "3317" };

/** A Chinese page without fonts, the second of a document, and what stands on it. */
export const FONTLESS = { file: path.join(ROOT, "tests/fixtures/columns.pdf"), page: 2, words: "查阅室每周开放三天" };

export const FILES = ["report.pdf", "notes.md", "周会纪要.txt"];

/** Questions with the one right value and the one place where it stands. */
export const QUESTIONS = [
  {
    language: "English",
    text: "What is the budget of Project Lyra?",
    value: "412,000 EUR",
    file: "report.pdf",
    page: 2,
    passage: "The budget of Project Lyra is 412,000 EUR",
  },
  {
    language: "Chinese",
    text: "青禾项目的负责人是谁？",
    value: "周明宇",
    file: "周会纪要.txt",
    page: null,
    passage: "青禾项目的负责人是周明宇",
  },
];

/** Puts a copy of the library into a folder, so that tests may change it. */
export function copyLibrary(folder) {
  fs.cpSync(FIXTURES, folder, { recursive: true });
  return folder;
}

/** A due time so many seconds from `now`, as the programs write it: civil time and zone. */
export function dueIn(seconds, now = Date.now()) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // Swedish dates are ISO dates.
  const at = new Date(now + seconds * 1000).toLocaleString("sv", { timeZone: zone }).replace(" ", "T");
  return { kind: "time", at, zone };
}
