import { describe, expect, it } from "vitest";
import { StreamedText } from "@/api/stream";

describe("a streamed answer", () => {
  it("is put together in order", () => {
    const stream = new StreamedText();
    expect(stream.add({ offset: 0, text: "The " })).toBe(true);
    expect(stream.add({ offset: 4, text: "budget" })).toBe(true);
    expect(stream.text).toBe("The budget");
  });

  it("counts in UTF-16 units, as the offsets do", () => {
    const stream = new StreamedText();
    stream.add({ offset: 0, text: "好🦀" });
    expect(stream.add({ offset: 3, text: "吗" })).toBe(true);
    expect(stream.text).toBe("好🦀吗");
  });

  it("keeps a piece that came twice or overlaps only once", () => {
    const stream = new StreamedText("abc");
    stream.add({ offset: 0, text: "abc" });
    stream.add({ offset: 1, text: "bcde" });
    expect(stream.text).toBe("abcde");
  });

  it("notices a gap, keeps what came early, and closes the gap with a snapshot", () => {
    const stream = new StreamedText();
    stream.add({ offset: 0, text: "ab" });
    expect(stream.add({ offset: 4, text: "ef" })).toBe(false);
    expect(stream.text).toBe("ab");
    expect(stream.seed("abcd")).toBe(true);
    expect(stream.text).toBe("abcdef");
  });

  it("does not go back to an older snapshot", () => {
    const stream = new StreamedText();
    stream.add({ offset: 0, text: "abcdef" });
    stream.seed("abc");
    expect(stream.text).toBe("abcdef");
  });

  it("puts pieces in order that came out of order", () => {
    const stream = new StreamedText();
    expect(stream.add({ offset: 4, text: "e" })).toBe(false);
    expect(stream.add({ offset: 2, text: "cd" })).toBe(false);
    expect(stream.add({ offset: 0, text: "ab" })).toBe(true);
    expect(stream.text).toBe("abcde");
  });
});
