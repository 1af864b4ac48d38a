import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { forgetEverything } from "@/api/cache.svelte";
import type { Document } from "@/api/types/Document";
import Inspector from "@/features/inspector/Inspector.svelte";
import { openPdf, type Pdf, type PdfPage } from "@/features/inspector/pdf";
import { setLanguage } from "@/i18n/index.svelte";
import type { Inspected, Place } from "@/shared/inspector.svelte";
import { pretend } from "./pretend";

// pdf.js needs a worker and a canvas; what it draws is looked at in real web views.
vi.mock("@/features/inspector/pdf", () => ({ openPdf: vi.fn(), measure: (text: string) => text.length }));

const DOCUMENT: Document = {
  id: "d", source_id: "s", path: "/docs/budget.pdf", name: "budget.pdf", kind: "pdf", size: 9000, modified_at: "2026-11-21T08:00:00Z",
  content_hash: "h", state: "indexed", reason: null, chunks: 1, pages: 3, reader: "pdf", indexed_at: "2026-11-21T08:00:00Z",
};
const TEXTS = ["Contents", "The budget of Lyra is 412,000 EUR.", "The end"];
const PLACE: Place = { document: "d", name: "budget.pdf", path: "/docs/budget.pdf", chunk: "k", text: TEXTS[1] as string, span: null, marks: [[22, 33]], page: 2 };

function fakePdf() {
  const drawn: { page: number; scale: number }[] = [];
  const page = (number: number): PdfPage => ({
    sheet: { width: 600, height: 800, transform: [1, 0, 0, -1, 0, 800] },
    runs: [{ str: TEXTS[number - 1] as string, dir: "ltr", transform: [12, 0, 0, 12, 60, 700], width: 340, height: 12, fontName: "f" }],
    styles: { f: { ascent: 0.8, descent: -0.2, vertical: false, fontFamily: "sans-serif" } },
    draw: (_canvas, scale) => (drawn.push({ page: number, scale }), { done: Promise.resolve(), cancel: () => undefined }),
    layText: (into) => (into.textContent = TEXTS[number - 1] as string),
    forget: vi.fn(),
  });
  const pdf: Pdf = { pages: 3, page: async (number) => page(number), close: vi.fn() };
  return { pdf, drawn };
}

function open(place: Partial<Place> = {}, document: Partial<Document> = {}, file: () => ArrayBuffer = () => new ArrayBuffer(8)) {
  const chunk = { id: "k", text: TEXTS[1] as string, position: { page: 2, headings: [], line: null, start: 0, end: 34 } };
  const asked = pretend({ document_get: () => ({ document: { ...DOCUMENT, ...document }, chunks: [chunk] }) }, file);
  const inspected: Inspected = { place: { ...PLACE, ...place }, sources: null };
  return { asked, ...render(Inspector, { inspected }) };
}

const toPage = async () => fireEvent.click(await screen.findByRole("radio", { name: "Page" }));
const sheet = (page: number) => waitFor(() => expect(screen.getByTestId("page-sheet").dataset).toMatchObject({ page: String(page), state: "drawn" }));
const violations = async () => (await axe.run(document.body, { rules: { region: { enabled: false }, "color-contrast": { enabled: false } } })).violations;

beforeEach(() => {
  setLanguage("en");
  forgetEverything();
  localStorage.clear();
  Object.defineProperty(HTMLElement.prototype, "clientWidth", { configurable: true, value: 632 });
});
afterEach(() => {
  Reflect.deleteProperty(HTMLElement.prototype, "clientWidth");
  vi.mocked(openPdf).mockReset();
});

describe("a document in the inspector", () => {
  it("is text unless it is a PDF", async () => {
    open({ name: "notes.md" }, { kind: "markdown" });
    await screen.findByRole("region", { name: "Text of the document" });
    expect(screen.queryByRole("radio")).toBeNull();
  });

  it("stays the way that it was looked at last", async () => {
    vi.mocked(openPdf).mockImplementation(async () => fakePdf().pdf);
    const { unmount } = open();
    expect((await screen.findByRole<HTMLInputElement>("radio", { name: "Text" })).checked).toBe(true);
    await toPage();
    await sheet(2);
    unmount();
    open();
    await sheet(2);
    await fireEvent.click(screen.getByRole("radio", { name: "Text" }));
    await screen.findByRole("region", { name: "Text of the document" });
    expect(screen.queryByTestId("page-sheet")).toBeNull();
  });
});

describe("a page", () => {
  it("is drawn to the width of the pane, with the passage and its words marked", async () => {
    const { pdf, drawn } = fakePdf();
    vi.mocked(openPdf).mockResolvedValue(pdf);
    const { asked } = open();
    await toPage();
    await sheet(2);
    expect(asked).toContainEqual({ name: "file", args: "d" });
    expect(drawn).toEqual([{ page: 2, scale: 1 }]);
    expect(screen.getAllByTestId("page-passage")).toHaveLength(1);
    const [passage, mark] = [screen.getByTestId("page-passage"), screen.getByTestId("page-mark")];
    expect(parseFloat(passage.style.left)).toBeCloseTo(10);
    expect(parseFloat(mark.style.left)).toBeGreaterThan(30);
    expect(screen.getByRole("region", { name: "Page 2 of budget.pdf" }).textContent).toContain("412,000 EUR");
    expect(await violations()).toEqual([]);
  });

  it("can be turned by buttons, by keys and by its number", async () => {
    vi.mocked(openPdf).mockResolvedValue(fakePdf().pdf);
    open();
    await toPage();
    await sheet(2);
    await fireEvent.click(screen.getByRole("button", { name: "Next page" }));
    await sheet(3);
    expect(screen.queryByTestId("page-passage")).toBeNull();
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Next page" }).disabled).toBe(true);
    const desk = screen.getByRole("region", { name: "Page 3 of budget.pdf" });
    await fireEvent.keyDown(desk, { key: "PageUp" });
    await sheet(2);
    expect(screen.getByTestId("page-mark")).toBeTruthy();
    await fireEvent.change(screen.getByRole("textbox", { name: "Page number" }), { target: { value: "1" } });
    await sheet(1);
  });

  it("that does not exist is said, and the one that is shown stays", async () => {
    vi.mocked(openPdf).mockResolvedValue(fakePdf().pdf);
    open();
    await toPage();
    await sheet(2);
    const field = screen.getByRole<HTMLInputElement>("textbox", { name: "Page number" });
    await fireEvent.change(field, { target: { value: "40" } });
    await screen.findByText("There is no page 40: the document has 3 pages.");
    expect(field.value).toBe("2");
    await fireEvent.keyDown(screen.getByRole("region", { name: "Page 2 of budget.pdf" }), { key: "PageDown" });
    await sheet(3);
    expect(screen.queryByText(/There is no page/)).toBeNull();
  });

  it("is made larger and smaller, and fitted again", async () => {
    const { pdf, drawn } = fakePdf();
    vi.mocked(openPdf).mockResolvedValue(pdf);
    open();
    await toPage();
    await sheet(2);
    const desk = screen.getByRole("region", { name: "Page 2 of budget.pdf" });
    for (const key of ["+", "=", "-", "0"]) await fireEvent.keyDown(desk, { key });
    await waitFor(() => expect(drawn.map(({ scale }) => scale)).toEqual([1, 1.25, 1.5, 1.25, 1]));
    // In the field they are typed.
    await fireEvent.keyDown(screen.getByRole("textbox", { name: "Page number" }), { key: "+" });
    expect(drawn).toHaveLength(5);
  });

  it("without the passage says so; one beyond the end as well", async () => {
    vi.mocked(openPdf).mockImplementation(async () => fakePdf().pdf);
    const { unmount } = open({ text: "Nothing of this kind is written anywhere in this document.", marks: [] });
    await toPage();
    await sheet(2);
    expect(screen.getByRole("status").textContent).toContain("was not found on this page");
    unmount();
    open({ page: 9, text: null, marks: [] });
    await sheet(3);
    expect(screen.getByRole("status").textContent).toContain("There is no page 9");
  });

  it("follows another citation of the same document without opening it again", async () => {
    vi.mocked(openPdf).mockResolvedValue(fakePdf().pdf);
    const { rerender } = open();
    await toPage();
    await sheet(2);
    await rerender({ inspected: { place: { ...PLACE, chunk: "l", text: TEXTS[2] as string, marks: [], page: 3 }, sources: null } });
    await sheet(3);
    expect(openPdf).toHaveBeenCalledOnce();
  });
});

describe("a file that is not shown", () => {
  const fails = (name: string) => vi.mocked(openPdf).mockRejectedValue(Object.assign(new Error(name), { name }));
  const refuse = (code: string, message: string) => () => {
    throw { code, message, hint: "Open it in its own program.", trace_id: "" };
  };

  it.each([
    ["gone", refuse("not_found", "no"), "InvalidPDFException", "The file is not there any more"],
    ["too large", refuse("invalid", "budget.pdf is larger than 64 MB."), "", "budget.pdf is larger than 64 MB. Open it in its own program."],
    ["damaged", undefined, "InvalidPDFException", "The pages of this PDF cannot be drawn here"],
    ["protected", undefined, "PasswordException", "is protected with a password"],
  ])("because it is %s says what to do, and the text remains", async (_what, file, name, words) => {
    fails(name);
    open({}, {}, file);
    await toPage();
    expect((await screen.findByRole("alert")).textContent).toContain(words);
    expect(await violations()).toEqual([]);
    await fireEvent.click(screen.getByRole("button", { name: "Read the text" }));
    await screen.findByRole("region", { name: "Text of the document" });
  });

  it("is let go when the inspector closes, even while it is opened", async () => {
    const { pdf } = fakePdf();
    vi.mocked(openPdf).mockResolvedValue(pdf);
    const first = open();
    await toPage();
    await sheet(2);
    expect(pdf.close).not.toHaveBeenCalled();
    first.unmount();
    expect(pdf.close).toHaveBeenCalledOnce();

    const late = fakePdf().pdf;
    let opened: (pdf: Pdf) => void = () => undefined;
    vi.mocked(openPdf).mockReturnValue(new Promise((resolve) => (opened = resolve)));
    const second = open();
    await waitFor(() => expect(openPdf).toHaveBeenCalledTimes(2));
    second.unmount();
    opened(late);
    await waitFor(() => expect(late.close).toHaveBeenCalledOnce());
  });

  it("speaks Chinese as well", async () => {
    setLanguage("zh-CN");
    fails("InvalidPDFException");
    open();
    await fireEvent.click(await screen.findByRole("radio", { name: "页面" }));
    expect((await screen.findByRole("alert")).textContent).toContain("无法显示这个 PDF 的页面");
    setLanguage("en");
  });
});
