import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("./src/", import.meta.url));

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), ...(mode === "test" ? [svelteTesting()] : [])],
  resolve: { alias: [{ find: /^@\//, replacement: src }] },
  clearScreen: false,
  server: {
    port: 5173,
    strictPort: true,
    // The packages lie at the root of the checkout, above the UI.
    fs: { allow: [fileURLToPath(new URL("..", import.meta.url))] },
    // `npm run dev` beside `moltworker serve`: the page comes from Vite, the data from the program.
    proxy: { "/api": `http://127.0.0.1:${process.env["MOLT_PORT"] ?? "8080"}` },
  },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: ["es2022", "safari16"],
    // The content security policy allows images as data URLs but no data-URL scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    restoreMocks: true,
    testTimeout: 30_000,
  },
}));
