/** An answer's Markdown looked at as text. */

/** True when it has code whose colours are worth loading. */
export function hasCode(text: string): boolean {
  return text.includes("```");
}

/** The text without its source numbers, for other programs and for reading aloud. */
export function withoutCitations(text: string): string {
  return text.replace(/\s?[[【]\d{1,2}(?:\s*[,，、]\s*\d{1,2})*[\]】](?!\()/g, "");
}
