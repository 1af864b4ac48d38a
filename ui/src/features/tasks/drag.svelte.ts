/** A task on its way to another day, held by the pointer. Not the web view's own dragging: that one belongs to dropped files. */
import type { TaskView } from "@/api/types/TaskView";

/** A press becomes a drag when the pointer has moved so far, in px. */
const THRESHOLD = 5;

export interface Held {
  view: TaskView;
  x: number;
  y: number;
  /** The day under the pointer. */
  over: string | null;
}

/** The click that the end of a drag makes, if it makes one, opens nothing. What is pressed next counts again. */
function swallowClick(): void {
  const over = new AbortController();
  const once = { capture: true, signal: over.signal };
  window.addEventListener(
    "click",
    (event) => {
      event.stopPropagation();
      over.abort();
    },
    once,
  );
  for (const next of ["pointerdown", "keydown"]) window.addEventListener(next, () => over.abort(), once);
}

export class DayDrag {
  held = $state.raw<Held | null>(null);
  #stop: (() => void) | null = null;

  constructor(private readonly ondrop: (view: TaskView, day: string) => void) {}

  start(event: PointerEvent, view: TaskView): void {
    if (event.button !== 0 || event.pointerType === "touch") return;
    const { clientX, clientY } = event;
    const move = (next: PointerEvent) => {
      if (this.held === null && Math.hypot(next.clientX - clientX, next.clientY - clientY) < THRESHOLD) return;
      const under = document.elementFromPoint(next.clientX, next.clientY)?.closest<HTMLElement>("[data-day]");
      this.held = { view, x: next.clientX, y: next.clientY, over: under?.dataset["day"] ?? null };
    };
    const up = () => {
      const { held } = this;
      this.cancel();
      if (held === null) return;
      swallowClick();
      if (held.over !== null) this.ondrop(held.view, held.over);
    };
    const key = (next: KeyboardEvent) => {
      if (next.key !== "Escape" || this.held === null) return;
      next.stopPropagation();
      swallowClick();
      this.cancel();
    };
    const cancel = () => this.cancel();
    this.cancel();
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", cancel);
    window.addEventListener("keydown", key, true);
    this.#stop = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", cancel);
      window.removeEventListener("keydown", key, true);
    };
  }

  cancel(): void {
    this.#stop?.();
    this.#stop = null;
    this.held = null;
  }
}
