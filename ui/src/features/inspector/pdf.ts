/**
 * Pages of a PDF, drawn by pdf.js. Loaded only when a page is looked at, because pdf.js is larger than the rest of the interface.
 *
 * A PDF is untrusted: it is read in a worker of our own file, which is ended with the document. Nothing in it is run, this version of
 * pdf.js makes no code from its text at all, and the page's content policy allows no other code; therefore images of the kinds that
 * pdf.js would decode by WebAssembly are decoded by its slower scripts. What it needs beside the file (tables of Chinese, Japanese and
 * Korean letters, the standard fonts) lies in `pdf/`, see `vite.config.ts`.
 */
import { getDocument, type PDFPageProxy, PDFWorker, TextLayer } from "pdfjs-dist/legacy/build/pdf.mjs";
import workerUrl from "pdfjs-dist/legacy/build/pdf.worker.min.mjs?url";
import type { FontStyle, PlacedRun, Sheet } from "./boxes";

/** pdf.js asks for its files by this; its own class needs what older web views lack. */
class OwnFiles {
  async fetch({ kind, filename }: { kind: "cMapUrl" | "standardFontDataUrl" | "wasmUrl"; filename: string }): Promise<Uint8Array> {
    const response = await fetch(FILES[kind] + filename);
    if (!response.ok) throw new Error(`${filename}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }
}

const below = (folder: string) => new URL(`pdf/${folder}/`, document.baseURI).href;
const FILES = { cMapUrl: below("cmaps"), standardFontDataUrl: below("standard_fonts"), wasmUrl: below("wasm") };

/** An image of more pixels is left out: it would take more memory than a page is worth. */
const LARGEST_IMAGE = 1 << 27;

export interface Pdf {
  pages: number;
  page(number: number): Promise<PdfPage>;
  /** Ends the worker and gives the memory back. */
  close(): void;
}

export interface PdfPage {
  sheet: Sheet;
  runs: PlacedRun[];
  styles: Record<string, FontStyle>;
  /** Draws the page so many times as large. */
  draw(canvas: HTMLCanvasElement, scale: number): { done: Promise<void>; cancel: () => void };
  /** Lays the text over the drawing, invisibly, so that it can be selected and read aloud. Its styles are in `DocumentPage.svelte`. */
  layText(into: HTMLElement): void;
  /** Lets go of what was drawn. */
  forget(): void;
}

/** Opens a file that the caller gives up: its memory goes to the worker. A file with a password fails with a `PasswordException`. */
export async function openPdf(data: ArrayBuffer): Promise<Pdf> {
  // A worker that pdf.js makes itself would come from a `blob:` in the desktop window, whose address has no origin that it knows.
  const thread = new Worker(workerUrl, { type: "module" });
  const worker = new PDFWorker({ port: thread as unknown as null });
  const task = getDocument({ data: new Uint8Array(data), worker, ...FILES, useWasm: false, useWorkerFetch: false, BinaryDataFactory: OwnFiles, maxImageSize: LARGEST_IMAGE, verbosity: 0 });
  // Not `task.destroy()`: it waits for the worker, which may be busy with a hostile file.
  const close = () => {
    worker.destroy();
    thread.terminate();
  };
  try {
    // A worker that cannot start never answers.
    const died = new Promise<never>((_, reject) => (thread.onerror = () => reject(new Error("the worker of pdf.js could not start"))));
    const document = await Promise.race([task.promise, died]);
    return { pages: document.numPages, page: async (number) => pageOf(await document.getPage(number)), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function pageOf(page: PDFPageProxy): Promise<PdfPage> {
  const sheet = page.getViewport({ scale: 1 });
  const content = await page.getTextContent();
  return {
    sheet,
    runs: content.items as PlacedRun[],
    styles: content.styles as Record<string, FontStyle>,
    draw(canvas, scale) {
      const task = page.render({ canvas, viewport: page.getViewport({ scale }) });
      return { done: task.promise, cancel: () => task.cancel() };
    },
    layText: (into) => void new TextLayer({ textContentSource: content, container: into, viewport: sheet }).render(),
    forget: () => void page.cleanup(),
  };
}

let ruler: CanvasRenderingContext2D | null = null;

/** How wide a text is in a font of the web view. */
export function measure(text: string, font: string): number {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (!ruler) return text.length;
  ruler.font = `100px ${font}`;
  return ruler.measureText(text).width;
}
