import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("./src/", import.meta.url));

const pdfjs = fileURLToPath(new URL("../node_modules/pdfjs-dist/", import.meta.url));

/** What pdf.js fetches by name while it reads a file. WebAssembly is left out: the content policy would not run it. */
function pdfFiles(): Plugin {
  const folders = ["cmaps", "standard_fonts", "wasm"];
  return {
    name: "pdf-files",
    generateBundle() {
      for (const folder of folders) {
        for (const name of fs.readdirSync(path.join(pdfjs, folder))) {
          const isWanted = folder !== "wasm" || name.endsWith("_nowasm_fallback.js") || /^LICENSE_.*(JBIG2|OPENJPEG)$/.test(name);
          if (isWanted) this.emitFile({ type: "asset", fileName: `pdf/${folder}/${name}`, source: fs.readFileSync(path.join(pdfjs, folder, name)) });
        }
      }
    },
    configureServer(server) {
      server.middlewares.use("/pdf/", (request, response, next) => {
        const [, folder = "", name = ""] = /^\/(\w+)\/([\w.-]+)$/.exec(request.url ?? "") ?? [];
        if (!folders.includes(folder)) return next();
        if (name.endsWith(".js")) response.setHeader("content-type", "text/javascript");
        fs.createReadStream(path.join(pdfjs, folder, name)).on("error", () => next()).pipe(response);
      });
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), pdfFiles(), ...(mode === "test" ? [svelteTesting()] : [])],
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
