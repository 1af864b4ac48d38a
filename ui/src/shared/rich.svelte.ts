/** The part that draws Markdown, loaded after the window stands: it is a third of the program and the first page needs none of it. */
let loaded = $state.raw<typeof import("./markdown") | null>(null);
let loading: Promise<void> | null = null;

export function loadMarkdown(): Promise<void> {
  loading ??= import("./markdown").then((module) => {
    loaded = module;
  });
  return loading;
}

/** Null until it is loaded; then whoever asked is drawn again. */
export function markdown(): typeof import("./markdown") | null {
  return loaded;
}
