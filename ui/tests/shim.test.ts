import { expect, it, vi } from "vitest";

it("mends a language that Intl does not take", async () => {
  Object.defineProperty(Navigator.prototype, "language", { configurable: true, get: () => "C" });
  Object.defineProperty(Navigator.prototype, "languages", { configurable: true, get: () => ["C", "zh-CN"] });
  expect(() => new Intl.NumberFormat(navigator.language)).toThrow(RangeError);

  vi.resetModules();
  await import("@/shim");

  expect(navigator.language).toBe("zh-CN");
  expect(navigator.languages).toEqual(["zh-CN"]);
  const { formatTag, setLanguage } = await import("@/i18n/index.svelte");
  setLanguage("en");
  expect(() => new Intl.DateTimeFormat(formatTag())).not.toThrow();
});
