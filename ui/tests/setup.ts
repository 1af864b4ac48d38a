/** What jsdom lacks and the interface asks of every web view. */
import { configure } from "@testing-library/svelte";
import { afterEach, vi } from "vitest";

// A busy machine draws slowly; that is no failure.
configure({ asyncUtilTimeout: 10_000 });

vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  },
);
Element.prototype.scrollIntoView = () => undefined;
Element.prototype.scrollTo = () => undefined;
Element.prototype.scrollBy = () => undefined;

afterEach(() => {
  location.hash = "";
});
