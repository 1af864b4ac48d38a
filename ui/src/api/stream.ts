/**
 * Puts a streamed answer together. Pieces carry the length of the text before them, so that a piece that was lost, came
 * twice or came while a snapshot was being read is noticed. Lengths are in UTF-16 code units, as everywhere in the web.
 */
export interface Piece {
  offset: number;
  text: string;
}

export class StreamedText {
  #text: string;
  #early: Piece[] = [];

  constructor(text = "") {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  /** Adds a piece. False when text is missing before it: then ask for the answer again and give it to `seed`. */
  add(piece: Piece): boolean {
    this.#early.push(piece);
    this.#drain();
    return this.#early.length === 0;
  }

  /** The text so far as the program knows it. Pieces that came early are joined to it. */
  seed(text: string): boolean {
    if (text.length > this.#text.length) this.#text = text;
    this.#drain();
    return this.#early.length === 0;
  }

  #drain(): void {
    this.#early.sort((a, b) => a.offset - b.offset);
    while (this.#early[0] && this.#early[0].offset <= this.#text.length) {
      const piece = this.#early.shift() as Piece;
      const known = this.#text.length - piece.offset;
      if (known < piece.text.length) this.#text += piece.text.slice(known);
    }
  }
}
