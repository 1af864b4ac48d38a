/**
 * Markdown from an untrusted author to HTML that can do nothing: no HTML of its own, no images, links inert until the
 * page decides what a click does, everything cleaned once more by DOMPurify. `[1]` becomes a small button when 1 is one
 * of the answer's sources.
 */
import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

export type MarkdownContext = {
  /** Names a source for a screen reader; null when the answer has no source of that number. */
  source(number: number): string | null;
  /** While the answer is being written its sources may not be known yet: numbers keep their place, but cannot be pressed. */
  pending: boolean;
  /** Colours code; null until that part of the program is loaded. */
  highlight: ((code: string, language: string) => string | null) | null;
  /** What the button that copies a code block is called. */
  copyLabel: string;
};

const md = new MarkdownIt({ html: false, linkify: false, breaks: true });
// A picture from elsewhere would tell its server that the answer was read.
md.disable("image");

const CITATION = /^\[(\d{1,2}(?:\s*[,，、]\s*\d{1,2})*)\]/;
/** Some models number their sources in Chinese brackets. */
const CHINESE_CITATION = /【(\d{1,2}(?:\s*[,，、]\s*\d{1,2})*)】/g;

md.inline.ruler.before("link", "citation", (state, silent) => {
  if (state.src[state.pos] !== "[") return false;
  const match = CITATION.exec(state.src.slice(state.pos, state.pos + 40));
  if (!match || state.src[state.pos + match[0].length] === "(") return false;
  const context = state.env as MarkdownContext;
  const numbers = (match[1] ?? "").split(/\s*[,，、]\s*/).map(Number);
  if (!context.pending && !numbers.every((n) => context.source(n) !== null)) return false;
  if (!silent) {
    // The mark must not stand alone on the next line.
    if (state.pending.endsWith(" ")) state.pending = `${state.pending.slice(0, -1)}\u202f`;
    for (const n of numbers) {
      const token = state.push("citation", "", 0);
      token.meta = { n };
    }
  }
  state.pos += match[0].length;
  return true;
});

const escape = md.utils.escapeHtml;

md.renderer.rules["citation"] = (tokens, index, _options, env) => {
  const n = Number(tokens[index]?.meta?.["n"]);
  const label = (env as MarkdownContext).source(n);
  if (label === null) return `<span class="cite">${n}</span>`;
  return `<button type="button" class="cite" data-cite="${n}" data-testid="citation-mark" aria-label="${escape(label)}">${n}</button>`;
};

md.renderer.rules["fence"] = (tokens, index, _options, env) => {
  const token = tokens[index];
  const language = (token?.info ?? "").trim().split(/\s+/)[0] ?? "";
  const code = token?.content ?? "";
  const context = env as MarkdownContext;
  const body = context.highlight?.(code, language.toLowerCase()) ?? escape(code);
  const copy = `<button type="button" class="copy" data-copy="1">${escape(context.copyLabel)}</button>`;
  // Focusable, so that the keyboard can scroll long lines.
  return `<div class="code"><div class="code-head"><span>${escape(language)}</span>${copy}</div><pre tabindex="0"><code>${body}</code></pre></div>`;
};

md.renderer.rules["table_open"] = () => `<div class="table"><table>`;
md.renderer.rules["table_close"] = () => `</table></div>`;

const CLEAN = {
  ALLOWED_TAGS: [
    "a", "b", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li",
    "ol", "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["href", "title", "class", "type", "start", "aria-label", "data-cite", "data-copy", "data-testid", "tabindex"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};

/** One answer's renderer. It keeps what did not change, so that a growing text redraws only its last block. */
export function createRenderer(): (text: string, context: MarkdownContext) => string[] {
  let kept: { raw: string; clean: string }[] = [];
  return (text, context) => {
    const blocks: { raw: string; clean: string }[] = [];
    const tokens = md.parse(text.replace(CHINESE_CITATION, "[$1]"), context);
    let start = 0;
    let depth = 0;
    tokens.forEach((token, index) => {
      depth += token.nesting;
      if (depth > 0) return;
      const raw = md.renderer.render(tokens.slice(start, index + 1), md.options, context);
      start = index + 1;
      const before = kept[blocks.length];
      blocks.push(before?.raw === raw ? before : { raw, clean: DOMPurify.sanitize(raw, CLEAN) });
    });
    kept = blocks;
    return blocks.map((block) => block.clean);
  };
}
