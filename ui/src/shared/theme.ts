/** Sets the colours: the user's choice, or what the system says now. Remembered so that the next start does not flash. */
import type { Theme } from "@/api/types/Theme";
import { recall, remember } from "./memory";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let choice: Theme = "system";

function apply(): void {
  const resolved = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
  document.documentElement.dataset["theme"] = resolved;
}

export function setTheme(next: Theme): void {
  choice = next;
  remember("theme", next);
  apply();
}

export function startTheme(): void {
  const remembered = recall("theme");
  choice = remembered === "light" || remembered === "dark" ? remembered : "system";
  apply();
  dark.addEventListener("change", apply);
}
