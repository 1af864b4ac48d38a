import { describe, expect, it } from "vitest";
import { blocks, overlap } from "@/features/inspector/text";
import { cut, sharedSpans } from "@/shared/passages";
import { folderLabel, folderOf, nameOf } from "@/shared/places";

describe("marked spans", () => {
  it("cut a text into pieces that join to the text again", () => {
    const pieces = cut("one two three", [[4, 7]]);
    expect(pieces).toEqual([
      { text: "one ", marked: false },
      { text: "two", marked: true },
      { text: " three", marked: false },
    ]);
  });

  it("do no harm when they overlap, run out of the text or are empty", () => {
    const text = "abcdef";
    for (const spans of [[[2, 4], [3, 5]], [[5, 99]], [[3, 3]], [[4, 2]], [[4, 6], [0, 2]]] as [number, number][][]) {
      expect(cut(text, spans).map((piece) => piece.text).join("")).toBe(text);
    }
  });
});

describe("what an answer took from a passage", () => {
  const found = (passage: string, answer: string) => sharedSpans(passage, answer).map(([from, to]) => passage.slice(from, to));

  it("is the value that was asked for", () => {
    expect(found("Project Lyra. The total is 412,000 EUR, without VAT.", "Lyra has **412,000 EUR** [1].")).toContain("412,000 EUR");
    expect(found("首轮测试在 12 月 8 日之前完成，由王磊负责。", "由**王磊**负责 [1]。")).toEqual(["由王磊负责"]);
  });

  it("is made of whole words", () => {
    expect(found("The budgetary year", "A budget")).toEqual([]);
  });

  it("can be several figures, but not words by chance", () => {
    const marks = found("The budget is 412,000 EUR and the reserve is 57,000 EUR for now.", "Budget: 412,000 EUR. Reserve: 57,000 EUR. It is the way it is.");
    expect(marks).toHaveLength(2);
    expect(marks.join(" ")).toMatch(/412,000 EUR.*57,000 EUR/);
  });

  it("is nothing when they share nothing worth a mark", () => {
    expect(sharedSpans("alpha beta", "gamma")).toEqual([]);
    expect(sharedSpans("alpha beta", "")).toEqual([]);
  });
});

describe("a document put together", () => {
  const chunk = (id: string, text: string, page: number | null = null) => ({ id, text, position: { page, headings: [], line: null, start: 0, end: 0 } });

  it("shows repeated text once and keeps the cited piece whole", () => {
    const list = blocks([chunk("a", "First sentence. Shared sentence."), chunk("b", "Shared sentence. Third."), chunk("c", "Third. And the fourth sentence.")], "b");
    expect(list.map((block) => block.text)).toEqual(["First sentence. ", "Shared sentence. Third.", "Third. And the fourth sentence."]);
    expect(list[1]?.cited).toBe(true);
    expect(blocks([chunk("a", "First sentence. Shared sentence."), chunk("b", "Shared sentence. Third.")], null)[1]?.text).toBe(" Third.");
  });

  it("keeps a passage of several pieces in one", () => {
    const at = (id: string, text: string, start: number, page: number | null = null) => ({ ...chunk(id, text, page), position: { page, headings: [], line: null, start, end: start + text.length } });
    const pieces = [at("a", "One.", 0), at("b", "Two.", 5), at("c", "Three.", 9), at("d", "Four.", 16)];
    const list = blocks(pieces, "c", { start: 5, end: 15 });
    expect(list.map((block) => [block.text, block.cited])).toEqual([["One.", false], ["Two.Three.", true], ["Four.", false]]);
    expect(blocks(pieces, "b", { start: 0, end: 21 }).map((block) => block.text)).toEqual(["One.\nTwo.Three.\nFour."]);
    // The document changed since: the piece is there, and stands elsewhere.
    expect(blocks(pieces, "b", { start: 40, end: 60 }).map((block) => block.cited)).toEqual([false, true, false, false]);
    expect(blocks([at("a", "One.", 0, 1), at("b", "Two.", 5, 2)], "b", { start: 0, end: 9 })).toHaveLength(2);
  });

  it("tells a page where it begins", () => {
    const list = blocks([chunk("a", "x", 1), chunk("b", "y", 1), chunk("c", "z", 2)], null);
    expect(list.map((block) => block.page)).toEqual([1, null, 2]);
  });

  it("takes short repeats for chance", () => {
    expect(overlap("ends in the", "the next")).toBe(0);
  });
});

describe("paths", () => {
  it("are read from either kind of system", () => {
    expect(nameOf("/home/mia/Documents/")).toBe("Documents");
    expect(nameOf("C:\\Users\\Mia\\a.pdf")).toBe("a.pdf");
    expect(folderOf("/home/mia/a.pdf")).toBe("/home/mia");
  });

  it("are named from the folder that was added", () => {
    expect(folderLabel("/home/mia/Documents/old/a.pdf", ["/home/mia/Documents"])).toBe("Documents/old");
    expect(folderLabel("/home/mia/Documents2/a.pdf", ["/home/mia/Documents"])).toBe("/home/mia/Documents2");
  });
});
