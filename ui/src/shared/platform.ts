/** Which keys this system's people press, and how they are written. */
import { inDesktop } from "@/api/backend";

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** `mod` is ⌘ on a Mac and Ctrl elsewhere. `tab` is for keys that browsers keep for themselves with Ctrl (1-5, N): there it is Alt. */
export function keys(combo: string): string {
  const names: Record<string, string> = isMac
    ? { ctrl: "⌃", super: "⌘", mod: "⌘", tab: inDesktop ? "⌘" : "⌥", shift: "⇧", alt: "⌥", enter: "↩", esc: "esc", del: "⌦" }
    : { ctrl: "Ctrl", super: "Super", mod: "Ctrl", tab: inDesktop ? "Ctrl" : "Alt", shift: "Shift", alt: "Alt", enter: "Enter", esc: "Esc", del: "Del" };
  return combo
    .split("+")
    .map((part) => names[part] ?? part.toUpperCase())
    .join(isMac ? "" : "+");
}

/** What a key press would be as keys of the whole system, such as `ctrl+alt+n`; null while it is none yet, or too plain to be one. */
export function keysOf(event: KeyboardEvent): string | null {
  const name = /^(?:Key([A-Z])|Digit(\d)|(F\d{1,2}|Space))$/.exec(event.code)?.slice(1).find(Boolean)?.toLowerCase();
  if (!name || !(event.ctrlKey || event.altKey || event.metaKey)) return null;
  const held = { ctrl: event.ctrlKey, alt: event.altKey, shift: event.shiftKey, super: event.metaKey };
  return [...Object.entries(held).flatMap(([modifier, is]) => (is ? [modifier] : [])), name].join("+");
}

/** True while an input method is composing: Enter then chooses a candidate and must not send. 229 is what older engines report. */
export function composing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}
