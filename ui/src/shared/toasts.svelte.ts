/** Short notes at the foot of the window: what was just done, with a way back, or what went wrong. */
import { Failure } from "@/api/backend";
import { t } from "@/i18n/index.svelte";

export interface Toast {
  id: number;
  text: string;
  hint: string | null;
  kind: "note" | "problem";
  action: { label: string; run: () => void } | null;
}

/** Long enough to read and to reach the button. */
const STAY_MS = 8000;
/** More than this many at once is noise: the oldest goes. */
const AT_ONCE = 3;

let list = $state.raw<Toast[]>([]);
let next = 0;
const timers = new Map<number, ReturnType<typeof setTimeout>>();

export const toasts = {
  get list(): readonly Toast[] {
    return list;
  },
};

export function dismiss(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  list = list.filter((toast) => toast.id !== id);
}

/** Keeps toasts while the pointer or the focus is on them. */
export function hold(): void {
  for (const timer of timers.values()) clearTimeout(timer);
}

export function release(): void {
  for (const toast of list) timers.set(toast.id, setTimeout(() => dismiss(toast.id), STAY_MS));
}

function show(toast: Omit<Toast, "id">): number {
  const id = next++;
  list = [...list, { id, ...toast }];
  while (list.length > AT_ONCE && list[0]) dismiss(list[0].id);
  timers.set(id, setTimeout(() => dismiss(id), STAY_MS));
  return id;
}

/** The number is for `dismiss`, when what it says holds no longer. */
export function note(text: string, action: Toast["action"] = null): number {
  return show({ text, hint: null, kind: "note", action });
}

export function noteUndo(text: string, undo: () => Promise<unknown>): number {
  return note(text, { label: t("action.undo"), run: () => void attempt(undo) });
}

export function problem(reason: unknown): void {
  const failure = Failure.from(reason);
  // The pages for signing in and for unlocking, and the banner for a lost program say these.
  if (failure.code === "signed_out" || failure.code === "locked") return;
  const text = failure.code === "unreachable" ? t("error.unreachable") : failure.message;
  // The same sentence twice tells nothing new.
  if (list.some((toast) => toast.text === text)) return;
  show({ text, hint: failure.hint, kind: "problem", action: null });
}

/** Runs something that may fail and says so if it does. Resolves to undefined then. */
export async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (reason) {
    problem(reason);
    return undefined;
  }
}
