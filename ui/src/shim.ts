/**
 * Where the system's locale is "C" or "POSIX", WebKit says `navigator.language === "C"`, and every `Intl` constructor
 * that is given it throws. Imported before everything else, so that no library meets it.
 */
function usable(tag: string): boolean {
  try {
    new Intl.NumberFormat(tag);
    return true;
  } catch {
    return false;
  }
}

if (!usable(navigator.language)) {
  const languages = navigator.languages.filter(usable);
  const first = languages[0] ?? "en-US";
  Object.defineProperty(Navigator.prototype, "language", { configurable: true, get: () => first });
  Object.defineProperty(Navigator.prototype, "languages", {
    configurable: true,
    get: () => (languages.length > 0 ? languages : [first]),
  });
}

export {};
