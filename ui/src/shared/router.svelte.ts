/** The address after `#`: which view, and what is open in it. */
export const VIEWS = ["chat", "library", "tasks", "models", "settings"] as const;
export type ViewName = (typeof VIEWS)[number];
/** The last two are pages of their own, shown in small windows without the frame. */
export type Page = ViewName | "reminders" | "quick-add";

export interface Route {
  page: Page;
  id: string | null;
}

const PAGES: readonly string[] = [...VIEWS, "reminders", "quick-add"];

export function parse(hash: string): Route {
  const [page = "", id] = hash.replace(/^#\/?/, "").split("/");
  if (!PAGES.includes(page)) return { page: "chat", id: null };
  return { page: page as Page, id: id ? decodeURIComponent(id) : null };
}

export function href(page: Page, id: string | null = null): string {
  return id === null ? `#/${page}` : `#/${page}/${encodeURIComponent(id)}`;
}

let current = $state.raw(parse(location.hash));

window.addEventListener("hashchange", () => (current = parse(location.hash)));

export const route = {
  get page(): Page {
    return current.page;
  },
  get id(): string | null {
    return current.id;
  },
};

export function go(page: Page, id: string | null = null): void {
  const target = href(page, id);
  if (location.hash !== target) location.hash = target;
  // The event comes later; what is drawn next must already know.
  current = { page, id };
}

/** Changes the address without a step in the history: a new conversation gets its name after the first answer. */
export function replace(page: Page, id: string | null): void {
  history.replaceState(null, "", href(page, id));
  current = { page, id };
}
