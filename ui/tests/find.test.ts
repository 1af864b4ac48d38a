import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Box, boxes, type FontStyle, type PlacedRun, type Sheet } from "@/features/inspector/boxes";
import { find, locate, type Match, type Run } from "@/features/inspector/find";

const FIXTURES = join(import.meta.dirname, "../../tests/fixtures");
const PDFJS = join(import.meta.dirname, "../../node_modules/pdfjs-dist");

interface Page {
  runs: PlacedRun[];
  styles: Record<string, FontStyle>;
  sheet: Sheet;
}

/** The pages as pdf.js reads them. */
async function pagesOf(file: string): Promise<Page[]> {
  // Web views have it; Node only from version 22 on.
  (Promise as { withResolvers?: unknown }).withResolvers ??= function () {
    const settle: { resolve?: unknown; reject?: unknown } = {};
    const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
    return { promise, ...settle };
  };
  const { getDocument } = await import("pdfjs-dist/legacy/build/pdf.mjs");
  const task = getDocument({ data: new Uint8Array(readFileSync(join(FIXTURES, file))), cMapUrl: `${PDFJS}/cmaps/`, standardFontDataUrl: `${PDFJS}/standard_fonts/`, verbosity: 0 });
  const document = await task.promise;
  const pages: Page[] = [];
  for (let number = 1; number <= document.numPages; number += 1) {
    const page = await document.getPage(number);
    const content = await page.getTextContent();
    pages.push({ runs: content.items as PlacedRun[], styles: content.styles, sheet: page.getViewport({ scale: 1 }) });
  }
  await task.destroy();
  return pages;
}

const said = (runs: readonly Run[], pieces: Match["passage"]) => pieces.map(({ run, start, end }) => runs[run]?.str.slice(start, end));
const lines = (...texts: string[]): Run[] => texts.map((str) => ({ str }));

describe("a passage on a page", () => {
  it("is found over the ends of lines, with hyphens and without", () => {
    const runs = lines("Before it. The archive keeps an in-", "ventory of 1,204 charts", " and more.", "After.");
    const { passage, share } = find(runs, "The archive keeps an inventory of 1,204 charts and more.", []);
    expect(share).toBe(1);
    expect(said(runs, passage)).toEqual(["The archive keeps an in-", "ventory of 1,204 charts", "and more."]);
  });

  it("is found whatever its ligatures, accents, spaces and widths", () => {
    const runs = lines("The ﬁrst oﬃce, cafe\u0301", "预算为４１２，０００元", "Ｌｙｒａ");
    expect(find(runs, "The first office, café 预算为 412,000 元 Lyra", []).share).toBe(1);
    expect(find(lines("T h e  b u d g e t"), "The budget", []).share).toBe(1);
  });

  it("is found in parts where the page says something in between", () => {
    const runs = lines("The fee for a copy is four", "HARBOUR ARCHIVE 17", "crowns, which are paid in cash at the gate.");
    const { passage, share } = find(runs, "The fee for a copy is four crowns, which are paid in cash at the gate.", []);
    expect(share).toBe(1);
    expect(said(runs, passage).join(" ")).toContain("The fee for a copy is four");
    expect(said(runs, passage).at(-1)).toBe("crowns, which are paid in cash at the gate.");
  });

  it("is found in parts where lines come in another order", () => {
    const runs = lines("left one, of the harbour", "right one, of the station", "left two, by the water", "right two, by the road");
    const { passage, share } = find(runs, "right one, of the station\nright two, by the road", []);
    expect(share).toBeGreaterThan(0.9);
    expect(said(runs, passage)).toContain("right one, of the station");
    expect(said(runs, passage)).toContain("right two, by the road");
  });

  it("shows the words that were looked for, and not their like elsewhere", () => {
    const runs = lines("Halden has 412,000 EUR as well.", "The budget of Lyra is 412,000 EUR.");
    const text = "The budget of Lyra is 412,000 EUR.";
    const { marks } = find(runs, text, [[text.indexOf("412"), text.indexOf(" EUR")]]);
    expect(marks).toEqual([{ run: 1, start: 22, end: 29 }]);
  });

  it("that is not there is not found by words that stand everywhere", () => {
    const runs = lines("The meeting of the group is on Monday and the report of the group is due.");
    const { passage, share } = find(runs, "Of the many harbours, the one in the north is the oldest, and the light of it is seen from the islands.", []);
    expect(passage).toEqual([]);
    expect(share).toBe(0);
  });

  it("does no harm when it is empty, or made of signs, or the page is", () => {
    for (const [runs, text] of [[[], "text"], [lines("text"), ""], [lines("---", "• •"), "***"], [lines("a"), "aaaaaaaaaaaaaaaaaaaaaaaaaa"]] as const) {
      expect(find(runs, text, [[0, 3]]).passage).toEqual([]);
    }
  });

  it("comes back soon from a page of one letter", () => {
    const begun = performance.now();
    find(lines("0".repeat(30_000)), `${"0".repeat(1000)}1${"0".repeat(1000)}`, []);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe("the page of a passage", () => {
  const text = ["Only the contents are listed on this page.", "The reading room opens on three days of the week", "and has nine desks. Copies are made on the spot."];
  const read = (page: number) => Promise.resolve(lines(text[page - 1] ?? ""));

  it("is the one that it was read from", async () => {
    const found = await locate(read, 2, 3, "The reading room opens on three days of the week", []);
    expect(found.map(({ page, match }) => [page, match.share])).toEqual([[2, 1]]);
  });

  it("may be the one beside", async () => {
    expect((await locate(read, 1, 3, "The reading room opens on three days", [])).map(({ page }) => page)).toEqual([2]);
  });

  it("may be two", async () => {
    const found = await locate(read, 2, 3, "on three days of the week\nand has nine desks. Copies are made on the spot.", []);
    expect(found.map(({ page }) => page)).toEqual([3, 2]);
  });

  it("may be none", async () => {
    expect(await locate(read, 3, 3, "Nothing of this kind stands in it.", [])).toEqual([]);
  });
});

describe("in real files", () => {
  let report: Page[];
  let columns: Page[];
  beforeAll(async () => {
    [report, columns] = [await pagesOf("library/report.pdf"), await pagesOf("columns.pdf")];
  });
  const on = (pages: Page[], number: number) => pages[number - 1] as Page;

  it("a passage is found, and its boxes lie over its lines", () => {
    const { runs, styles, sheet } = on(report, 2);
    const text = "The budget of Project Lyra is 412,000 EUR.\nThe deadline of Project Lyra is 14 March 2027.";
    const { passage, marks, share } = find(runs, text, [[30, 41]]);
    expect(share).toBe(1);
    expect(said(runs, marks)).toEqual(["412,000 EUR"]);
    const measure = (words: string) => words.length;
    const drawn = boxes(passage, runs, styles, sheet, measure);
    expect(drawn).toHaveLength(2);
    // As the file was made: 12 points high, 72 from the left, the lines at 734 and 710 from below of 842.
    for (const [index, baseline] of [734, 710].entries()) {
      const box = drawn[index] as Box;
      expect(box.left * 595).toBeCloseTo(72, 0);
      expect(box.width * 595).toBeGreaterThan(220);
      expect(box.top * 842).toBeLessThan(842 - baseline - 6);
      expect((box.top + box.height) * 842).toBeGreaterThan(842 - baseline);
      expect(box.height * 842).toBeLessThan(18);
    }
    const [mark] = boxes(marks, runs, styles, sheet, measure);
    expect(mark?.left).toBeGreaterThan(drawn[0]?.left as number);
    expect((mark as Box).left + (mark as Box).width).toBeLessThanOrEqual((drawn[0] as Box).left + (drawn[0] as Box).width + 0.001);
  });

  it("a column is found beside another, over its hyphens", () => {
    const { runs, styles, sheet } = on(columns, 1);
    const text = "The archive of the harbour moved to the eastern quay in the autumn. Its inventory lists 1,204 charts, and the oldest of them shows the mouth of the river before the dam was built.";
    const { passage, share } = find(runs, text, []);
    expect(share).toBeGreaterThan(0.95);
    const drawn = boxes(passage, runs, styles, sheet, (words) => words.length);
    expect(drawn.filter((box) => box.left * 595 < 60)).toHaveLength(5);
    expect(drawn.every((box) => box.left + box.width < 305 / 595)).toBe(true);
  });

  it("Chinese is read by the tables that come with the program", () => {
    const { runs } = on(columns, 2);
    const { share, marks } = find(runs, "查阅室每周开放三天，设有九个座位，复印费每张4元，只收现金。", [[17, 25]]);
    expect(share).toBe(1);
    expect(said(runs, marks).join("")).toContain("复印费每张４元");
  });

  it("boxes lie around letters that are written downwards", () => {
    // As pdf.js says of a column of three letters of 36 points, drawn half as wide.
    const runs: PlacedRun[] = [{ str: "あいう", dir: "ltr", transform: [18, 0, 0, 36, 50, 770], width: 18, height: 108, fontName: "f" }];
    const styles = { f: { ascent: 1.317, descent: -0.349, vertical: true, fontFamily: "serif" } };
    const [box] = boxes([{ run: 0, start: 1, end: 3 }], runs, styles, { width: 595, height: 842, transform: [1, 0, 0, -1, 0, 842] }, (words) => words.length);
    expect([(box as Box).left * 595, (box as Box).width * 595]).toEqual([expect.closeTo(41), expect.closeTo(18)]);
    expect([(box as Box).top * 842, (box as Box).height * 842]).toEqual([expect.closeTo(842 - 770 + 36), expect.closeTo(72)]);
  });

  it("boxes turn with the page", () => {
    const { runs, styles, sheet } = on(report, 2);
    const { passage } = find(runs, "The supplier of Project Lyra is Norvik Ltd.", []);
    // The same page, turned to the right by a quarter: what pdf.js says of a page with /Rotate 90.
    const turned = { width: sheet.height, height: sheet.width, transform: [0, 1, 1, 0, 0, 0] };
    const [upright] = boxes(passage, runs, styles, sheet, (words) => words.length);
    const [sideways] = boxes(passage, runs, styles, turned, (words) => words.length);
    expect((sideways as Box).height * 595).toBeCloseTo((upright as Box).width * 595, 3);
    expect((sideways as Box).width * 842).toBeCloseTo((upright as Box).height * 842, 3);
    expect((sideways as Box).top * 595).toBeCloseTo(72, 0);
  });
});
