/** The keyboard. One table says which keys do what, so that the help, the palette and the buttons show the same. */
import { type Key } from "@/i18n/index.svelte";
import { isMac } from "./platform";

export interface Shortcut {
  id: string;
  /** Parts joined by "+": mod, tab, shift, and a key or a digit. See `platform.keys`. */
  combo: string;
  label: Key;
}

export const SHORTCUTS = [
  { id: "palette", combo: "mod+k", label: "shortcut.palette" },
  { id: "chat", combo: "tab+1", label: "nav.chat" },
  { id: "library", combo: "tab+2", label: "nav.library" },
  { id: "tasks", combo: "tab+3", label: "nav.tasks" },
  { id: "models", combo: "tab+4", label: "nav.models" },
  { id: "settings", combo: "tab+5", label: "nav.settings" },
  { id: "newChat", combo: "tab+n", label: "chat.new" },
  { id: "search", combo: "/", label: "shortcut.search" },
  { id: "help", combo: "?", label: "shortcut.help" },
] as const satisfies readonly Shortcut[];

export type ShortcutId = (typeof SHORTCUTS)[number]["id"];

export function comboOf(id: ShortcutId): string {
  return SHORTCUTS.find((shortcut) => shortcut.id === id)?.combo ?? "";
}

/** Keys of the page of tasks. Single keys, so they hold only while nothing is typed into. */
export const TASK_KEYS = [
  { id: "new", keys: ["n"], combo: "n", label: "task.new" },
  { id: "next", keys: ["ArrowDown", "j"], combo: "↓", label: "shortcut.taskNext" },
  { id: "previous", keys: ["ArrowUp", "k"], combo: "↑", label: "shortcut.taskPrevious" },
  { id: "open", keys: ["Enter"], combo: "enter", label: "shortcut.taskOpen" },
  { id: "done", keys: ["x"], combo: "x", label: "shortcut.taskDone" },
  { id: "today", keys: ["t"], combo: "t", label: "shortcut.taskToday" },
  { id: "tomorrow", keys: ["m"], combo: "m", label: "shortcut.taskTomorrow" },
  { id: "nextWeek", keys: ["w"], combo: "w", label: "shortcut.taskNextWeek" },
  { id: "none", keys: ["d"], combo: "d", label: "shortcut.taskNoDate" },
  { id: "urgent", keys: ["1"], combo: "1", label: "shortcut.taskUrgent" },
  { id: "high", keys: ["2"], combo: "2", label: "shortcut.taskHigh" },
  { id: "normal", keys: ["3"], combo: "3", label: "shortcut.taskNormal" },
  { id: "low", keys: ["4"], combo: "4", label: "shortcut.taskLow" },
  { id: "delete", keys: ["Delete"], combo: "del", label: "shortcut.taskDelete" },
  { id: "undo", keys: [], combo: "mod+z", label: "shortcut.taskUndo" },
] as const satisfies readonly (Shortcut & { keys: readonly string[] })[];

export type TaskKey = (typeof TASK_KEYS)[number]["id"];

/** In the calendar a task is moved with these; there they stand beside the plain arrows. */
export const CALENDAR_KEYS = [
  { id: "day", combo: "alt+← →", label: "shortcut.calendarDay" },
  { id: "week", combo: "alt+↑ ↓", label: "shortcut.calendarWeek" },
] as const satisfies readonly Shortcut[];

export function taskKeyCombo(id: TaskKey): string {
  return TASK_KEYS.find((one) => one.id === id)?.combo ?? "";
}

/** What a key press means on the page of tasks, if anything. */
export function taskKeyFor(event: KeyboardEvent): TaskKey | null {
  if (event.defaultPrevented || event.isComposing || isTyping(event.target)) return null;
  if (matches("mod+z", event)) return "undo";
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  return TASK_KEYS.find((one) => (one.keys as readonly string[]).includes(event.key))?.id ?? null;
}

/** Where typing goes into text: there single keys are letters. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement ||
      (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type)))
  );
}

function matches(combo: string, event: KeyboardEvent): boolean {
  const parts = combo.split("+");
  const key = parts.at(-1) ?? "";
  if (parts.length === 1) {
    return !event.ctrlKey && !event.metaKey && !event.altKey && event.key === key && !isTyping(event.target);
  }
  const main = isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  // Browsers keep Ctrl+1 and Ctrl+N for themselves, so Alt works for those everywhere.
  const modifier = parts.includes("tab") ? main !== event.altKey && (main || event.altKey) : main && !event.altKey;
  if (!modifier || event.shiftKey !== parts.includes("shift")) return false;
  // By position for digits and letters: with Alt a Mac types other signs, and layouts differ.
  const code = /^\d$/.test(key) ? `Digit${key}` : `Key${key.toUpperCase()}`;
  return event.code === code || event.key.toLowerCase() === key;
}

/** The shortcut a key press means, if any. */
export function shortcutFor(event: KeyboardEvent): ShortcutId | null {
  if (event.defaultPrevented || event.isComposing) return null;
  return SHORTCUTS.find((shortcut) => matches(shortcut.combo, event))?.id ?? null;
}
