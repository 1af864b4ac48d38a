/**
 * Where on a page of a PDF a passage stands. The program's reader and pdf.js put a page into text in ways of their own: they differ in
 * spaces, in the order of columns, in hyphens at the ends of lines, in ligatures. So only letters and figures are compared, in the form
 * that all their writings share.
 */

/** A run of a page's text, as pdf.js gives it. */
export interface Run {
  str: string;
}

/** A part of a run, in UTF-16 units, half open. */
export interface Piece {
  run: number;
  start: number;
  end: number;
}

export interface Match {
  passage: Piece[];
  /** The words that were looked for. */
  marks: Piece[];
  /** How much of the passage was found, from 0 to 1. */
  share: number;
}

type Span = readonly [number, number];

/** The letters of a text, each with the place that it came from. */
interface Letters {
  text: string;
  from: Piece[];
}

const LETTER = /[\p{L}\p{N}]/u;
const SIGNS = /^[^\s\p{L}\p{N}]+/u;
const CJK = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]/;

function letters(runs: readonly Run[]): Letters {
  let text = "";
  const from: Piece[] = [];
  for (const [run, { str }] of runs.entries()) {
    let start = 0;
    for (const sign of str) {
      const end = start + sign.length;
      // Full width, ligatures and accents fall together with their plain form.
      for (const letter of sign.normalize("NFKD").toLowerCase()) {
        if (!LETTER.test(letter)) continue;
        text += letter;
        for (let unit = 0; unit < letter.length; unit += 1) from.push({ run, start, end });
      }
      start = end;
    }
  }
  return { text, from };
}

/** Letters that a common stretch begins with. */
const SEED = 6;
/** A stretch this heavy does not stand on a page twice by chance; see `weigh`. */
const SURE = 18;
/** A lighter one counts where it goes on, at most so many letters further. */
const NEAR = 80;
/** Of a seed that stands on a page more often (a table of zeros) the first are tried. */
const MOST_STARTS = 200;

/** A Chinese character says as much as three letters. */
function weigh(text: string): number {
  let weight = 0;
  for (const letter of text) weight += CJK.test(letter) ? 3 : 1;
  return weight;
}

/** For each letter of the passage its place among those of the page, or -1. */
function align(passage: string, page: string): Int32Array {
  const places = new Int32Array(passage.length).fill(-1);
  const put = (at: number, place: number, length: number) => {
    for (let n = 0; n < length; n += 1) places[at + n] = place + n;
  };
  const whole = passage === "" ? -1 : page.indexOf(passage);
  if (whole >= 0) {
    put(0, whole, passage.length);
    return places;
  }

  // Of a short passage half says enough.
  const sure = Math.min(SURE, weigh(passage) / 2);
  const seeds = new Map<string, number[]>();
  for (let at = 0; at + SEED <= page.length; at += 1) {
    const seed = page.slice(at, at + SEED);
    const starts = seeds.get(seed);
    if (!starts) seeds.set(seed, [at]);
    else if (starts.length < MOST_STARTS) starts.push(at);
  }
  let at = 0;
  // Where the last stretch ended, in the passage and on the page.
  let ended: { at: number; place: number } | null = null;
  while (at + SEED <= passage.length) {
    let best = { place: -1, length: 0, goesOn: false };
    for (const place of seeds.get(passage.slice(at, at + SEED)) ?? []) {
      let length = SEED;
      while (at + length < passage.length && passage[at + length] === page[place + length]) length += 1;
      const goesOn = ended !== null && at - ended.at <= NEAR && place >= ended.place && place - ended.place <= NEAR;
      if (length + (goesOn ? NEAR : 0) > best.length + (best.goesOn ? NEAR : 0)) best = { place, length, goesOn };
    }
    if (best.goesOn || weigh(passage.slice(at, at + best.length)) >= sure) {
      put(at, best.place, best.length);
      at += best.length;
      ended = { at, place: best.place + best.length };
    } else {
      at += 1;
    }
  }
  return places;
}

/** A note's figure in the middle of a sentence is part of it. */
const SLIP = 4;

/** The letters of the page where the passage stands from `from` to `to`, with what both have in other letters between. */
function covered(places: Int32Array, from: number, to: number, size: number): Uint8Array {
  const on = new Uint8Array(size);
  let last: { at: number; place: number } | null = null;
  for (let at = from; at < to; at += 1) {
    const place = places[at] ?? -1;
    if (place < 0) continue;
    const isNext = last !== null && place > last.place && place - last.place <= at - last.at + SLIP;
    on.fill(1, isNext && last ? last.place : place, place + 1);
    last = { at, place };
  }
  return on;
}

/** Letters side by side, and what stands between them, are one piece of each run. */
function pieces(on: Uint8Array, from: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const [index, { run, start, end }] of from.entries()) {
    if (!on[index]) continue;
    const before = on[index - 1] ? result.at(-1) : undefined;
    if (before?.run === run) before.end = end;
    else result.push({ run, start, end });
  }
  return result;
}

/** Finds a passage and the marks in it (UTF-16 units of the passage) on a page. What is not there whole is found in parts. */
export function find(runs: readonly Run[], passage: string, marks: readonly Span[]): Match {
  const page = letters(runs);
  const sought = letters([{ str: passage }]);
  const places = align(sought.text, page.text);
  const found = places.reduce((count, place) => count + (place < 0 ? 0 : 1), 0);
  const show = (from: number, to: number) => pieces(covered(places, from, to, page.text.length), page.from);
  // The full stop and the hyphen behind it are no letters, and belong to it all the same.
  const withSigns = (piece: Piece) => ({ ...piece, end: piece.end + (SIGNS.exec(runs[piece.run]?.str.slice(piece.end) ?? "")?.[0].length ?? 0) });
  return {
    passage: show(0, places.length).map(withSigns),
    marks: marks.flatMap(([start, end]) => {
      const first = sought.from.findIndex((letter) => letter.start >= start);
      const after = sought.from.findIndex((letter) => letter.start >= end);
      return first < 0 ? [] : show(first, after < 0 ? places.length : after);
    }),
    share: places.length === 0 ? 0 : found / places.length,
  };
}

/** A page that has less of a passage may not be the one. */
const MOST_OF_IT = 0.6;
/** Less than this on a page beside is chance. */
const SOME_OF_IT = 0.15;

/**
 * Finds a passage on the page that it was read from or, where most of it is not there, on those beside: what a reader counts as a page
 * may differ, and a passage may go over the end of one. The best page comes first.
 */
export async function locate(read: (page: number) => Promise<readonly Run[]>, page: number, pages: number, passage: string, marks: readonly Span[]): Promise<{ page: number; match: Match }[]> {
  const on = async (number: number) => ({ page: number, match: find(await read(number), passage, marks) });
  const own = await on(page);
  if (own.match.share >= MOST_OF_IT) return [own];
  const others = await Promise.all([page - 1, page + 1].filter((number) => number >= 1 && number <= pages).map(on));
  return [own, ...others].filter(({ match }) => match.share >= SOME_OF_IT).sort((a, b) => b.match.share - a.match.share);
}
