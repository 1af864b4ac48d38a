/** Which keys this system's people press, and how they are written. */
import { inDesktop } from "@/api/backend";

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** `mod` is ⌘ on a Mac and Ctrl elsewhere. `tab` is for keys that browsers keep for themselves with Ctrl (1-5, N): there it is Alt. */
export function keys(combo: string): string {
  const names: Record<string, string> = isMac
    ? { mod: "⌘", tab: inDesktop ? "⌘" : "⌥", shift: "⇧", alt: "⌥", enter: "↩", esc: "esc", del: "⌦" }
    : { mod: "Ctrl", tab: inDesktop ? "Ctrl" : "Alt", shift: "Shift", alt: "Alt", enter: "Enter", esc: "Esc", del: "Del" };
  return combo
    .split("+")
    .map((part) => names[part] ?? part.toUpperCase())
    .join(isMac ? "" : "+");
}

/** True while an input method is composing: Enter then chooses a candidate and must not send. 229 is what older engines report. */
export function composing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}
