/** Where parts of a page's text lie on the page. It knows geometry only. */
import type { Piece, Run } from "./find";

/** A run with its place, as pdf.js gives it: `transform` is that of its first letter, in units of the page. */
export interface PlacedRun extends Run {
  dir: string;
  transform: number[];
  width: number;
  height: number;
  fontName: string;
}

export interface FontStyle {
  ascent: number;
  descent: number;
  vertical: boolean;
  fontFamily: string;
}

/** The page as it is drawn at scale 1. */
export interface Sheet {
  width: number;
  height: number;
  transform: number[];
}

/** In parts of the page's width and height. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** How wide a text is in a font; only the ratios of what it says count. */
export type Measure = (text: string, font: string) => number;

/** Of the height of the letters: a gap between words, not between columns. */
const WORD_GAP = 1.2;
/** Fonts lie about their height. */
const TALLEST = 1.3;

/** `outer` applied to what `inner` gives. */
function both(outer: readonly number[], inner: readonly number[]): [number, number, number, number, number, number] {
  const [a = 1, b = 0, c = 0, d = 1, e = 0, f = 0] = outer;
  const [g = 1, h = 0, i = 0, j = 1, k = 0, l = 0] = inner;
  return [a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * l + e, b * k + d * l + f];
}

/** Text that runs down or up the page: there boxes side by side are lines of their own. */
function isTurned(run: PlacedRun, style: FontStyle | undefined, sheet: Sheet): boolean {
  const [a, b] = both(sheet.transform, run.transform);
  return Math.abs(b) > Math.abs(a) !== (style?.vertical ?? false);
}

function boxOf(piece: Piece, run: PlacedRun, style: FontStyle | undefined, sheet: Sheet, measure: Measure): Box {
  const [a, b, c, d, x, y] = both(sheet.transform, run.transform);
  const vertical = style?.vertical ?? false;
  const angle = Math.atan2(b, a) + (vertical ? Math.PI / 2 : 0);
  const size = Math.hypot(c, d);
  const scale = Math.hypot(sheet.transform[0] ?? 1, sheet.transform[1] ?? 0);
  const length = (vertical ? run.height : run.width) * scale;
  const descent = Math.abs(style?.descent || 0.2);
  const ascent = style?.ascent || 1 - descent;
  const height = Math.min(ascent + descent, TALLEST) * size;
  // Across the line: letters stand on it, or hang below each other with it through their middle.
  const across = vertical ? [(-run.width * scale) / 2, (run.width * scale) / 2] : [-ascent * size, height - ascent * size];

  // Runs are often whole lines: where in one a word begins is told by how wide the letters before it are.
  const font = style?.fontFamily ?? "sans-serif";
  const total = measure(run.str, font);
  const at = (offset: number) => (total > 0 ? measure(run.str.slice(0, offset), font) / total : offset / run.str.length) * length;
  let [from, to] = [at(piece.start), at(piece.end)];
  if (run.dir === "rtl") [from, to] = [length - to, length - from];

  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const corners = [from, to].flatMap((along) =>
    across.map((down) => [x + cos * along - sin * down, y + sin * along + cos * down] as const),
  );
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return { left: left / sheet.width, top: top / sheet.height, width: (Math.max(...xs) - left) / sheet.width, height: (Math.max(...ys) - top) / sheet.height };
}

/** Two boxes of one line as one, or nothing. */
function joined(one: Box, two: Box, sheet: Sheet): Box | null {
  const top = Math.max(one.top, two.top);
  const bottom = Math.min(one.top + one.height, two.top + two.height);
  const isLine = bottom - top > 0.5 * Math.min(one.height, two.height);
  const gap = (Math.max(one.left, two.left) - Math.min(one.left + one.width, two.left + two.width)) * sheet.width;
  if (!isLine || gap > WORD_GAP * Math.max(one.height, two.height) * sheet.height) return null;
  const left = Math.min(one.left, two.left);
  const upper = Math.min(one.top, two.top);
  return {
    left,
    top: upper,
    width: Math.max(one.left + one.width, two.left + two.width) - left,
    height: Math.max(one.top + one.height, two.top + two.height) - upper,
  };
}

/** One box for each stretch of a line. */
export function boxes(pieces: readonly Piece[], runs: readonly PlacedRun[], styles: Record<string, FontStyle>, sheet: Sheet, measure: Measure): Box[] {
  const result: Box[] = [];
  for (const piece of pieces) {
    const run = runs[piece.run];
    if (!run) continue;
    const style = styles[run.fontName];
    const box = boxOf(piece, run, style, sheet, measure);
    const before = result.at(-1);
    const line = before && !isTurned(run, style, sheet) ? joined(before, box, sheet) : null;
    if (line) result[result.length - 1] = line;
    else result.push(box);
  }
  return result;
}
