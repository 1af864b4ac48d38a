/** What only the desktop window can do: native dialogs, opening files in the system, files dropped from the system. */
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWindow } from "@tauri-apps/api/window";
import { inDesktop } from "./backend";

/** Opens the system's dialog; an empty list when the user cancelled. */
export async function pickPaths(folders: boolean): Promise<string[]> {
  return (await invoke<string[] | null>("pick_paths", { folders })) ?? [];
}

/** Opens a document in the system's program for it, at a page where that program can. */
export function openPath(path: string, page: number | null): Promise<void> {
  return invoke("open_path", { path, page });
}

/** Shows a file in the system's file browser. */
export function revealPath(path: string): Promise<void> {
  return invoke("reveal_path", { path });
}

/** Saves a text where the user says; false when the user cancelled. A browser asks in its own way, and does not tell. */
export async function saveFile(name: string, text: string): Promise<boolean> {
  if (inDesktop) return invoke("save_file", { name, text });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
}

/** Why the keys that open quick-add do nothing: another program has them, or the desktop gives none to programs. */
export type KeysProblem = "refused" | "not_offered";

/** Takes keys of the whole system for quick-add, such as `ctrl+alt+n`, in place of those of before. */
export function takeQuickAddKeys(keys: string | null): Promise<KeysProblem | null> {
  return invoke("take_quick_add_keys", { keys });
}

/** Closes the window this page lives in (the small reminder and quick-add windows). */
export async function closeWindow(): Promise<void> {
  if (inDesktop) await getCurrentWindow().close();
  else window.close();
}

export interface DropHandler {
  enter(paths: string[]): void;
  leave(): void;
  drop(paths: string[]): void;
}

/** Files dragged from the system over the window. In a browser files have no path: there `enter` gets an empty list and `drop` never comes. */
export function onFileDrop(handler: DropHandler): () => void {
  return inDesktop ? onDesktopDrop(handler) : onBrowserDrag(handler);
}

function onDesktopDrop(handler: DropHandler): () => void {
  interface Payload {
    paths?: string[];
  }
  const stops = [
    listen<Payload>("tauri://drag-enter", (event) => handler.enter(event.payload.paths ?? [])),
    listen("tauri://drag-leave", () => handler.leave()),
    listen<Payload>("tauri://drag-drop", (event) => handler.drop(event.payload.paths ?? [])),
  ];
  return () => {
    for (const stop of stops) void stop.then((unlisten) => unlisten());
  };
}

function onBrowserDrag(handler: DropHandler): () => void {
  // Enter and leave fire for every element on the way; only the balance says whether the pointer is in the window.
  let depth = 0;
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const enter = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (depth++ === 0) handler.enter([]);
  };
  const leave = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) handler.leave();
  };
  const over = (event: DragEvent) => {
    if (hasFiles(event)) event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    // Otherwise the browser would open the file in place of the program.
    event.preventDefault();
    depth = 0;
    handler.leave();
  };
  window.addEventListener("dragenter", enter);
  window.addEventListener("dragleave", leave);
  window.addEventListener("dragover", over);
  window.addEventListener("drop", drop);
  return () => {
    window.removeEventListener("dragenter", enter);
    window.removeEventListener("dragleave", leave);
    window.removeEventListener("dragover", over);
    window.removeEventListener("drop", drop);
  };
}
