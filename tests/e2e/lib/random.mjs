/** Chance that can be repeated: the seed is printed, and the same seed gives the same moments. */

export class Random {
  /** The seed comes from `MOLTWORKER_SEED` when it is set. */
  constructor(seed = Number(process.env.MOLTWORKER_SEED) || 20261121) {
    this.seed = seed;
    this.state = seed >>> 0;
  }

  /** From 0 up to 1; mulberry32 by Tommy Ettinger. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A moment between two others, in milliseconds. */
  between(least, most) {
    return least + this.next() * (most - least);
  }

  pick(list) {
    return list[Math.floor(this.next() * list.length)];
  }
}

const SYLLABLES = ["ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu"];

/** A word that stands in no other document. */
export function word(random, syllables = 5) {
  return Array.from({ length: syllables }, () => random.pick(SYLLABLES)).join("");
}
