import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

/** The floors of the interface: views -> features -> shared -> api. A floor imports what stands below it, never above. */
const tauri = {
  group: ["@tauri-apps/*"],
  message: "Only src/api may import Tauri; everything else goes through api/backend and api/desktop.",
};
const above = (...floors) => ({
  group: floors.flatMap((floor) => [`@/${floor}`, `@/${floor}/*`, `**/../${floor}/*`]),
  message: "Floors import downwards only: views -> features -> shared -> api.",
});
const restrict = (...patterns) => ({ "no-restricted-imports": ["error", { patterns }] });

export default ts.config(
  { ignores: ["dist/**", "src/api/types/**"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      "no-undef": "off", // TypeScript does this better.
      "no-console": "error",
      eqeqeq: ["error", "always"],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-invalid-void-type": "off",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"], svelteConfig } },
    rules: {
      // {@html} is used in one component only, on text that DOMPurify has cleaned.
      "svelte/no-at-html-tags": "error",
      "prefer-const": "off",
      "svelte/prefer-const": "error",
      // Plain maps and sets are meant where nothing on screen is drawn from them.
      "svelte/prefer-svelte-reactivity": "off",
      "svelte/no-navigation-without-resolve": "off",
    },
  },
  { files: ["src/**"], rules: restrict(tauri) },
  { files: ["src/api/**"], rules: restrict(above("shared", "features", "views")) },
  { files: ["src/i18n/**"], rules: restrict(tauri, above("shared", "features", "views")) },
  { files: ["src/shared/**"], rules: restrict(tauri, above("features", "views")) },
  { files: ["src/features/**"], rules: restrict(tauri, above("views")) },
);
