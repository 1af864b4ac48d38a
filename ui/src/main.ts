/** Where the interface starts. The shim must stay first: it mends the language before any library reads it. */
import "./shim";
import "./app.css";
import { mount } from "svelte";
import { inDesktop } from "./api/backend";
import { signInFromAddress } from "./api/http";
import { loadMarkdown } from "./shared/rich.svelte";
import { startTheme } from "./shared/theme";
import App from "./views/App.svelte";

/** By then the first page is drawn; what the second needs is fetched. */
const READY_MS = 300;

async function start(): Promise<void> {
  startTheme();
  if (import.meta.env.MODE !== "production" && new URLSearchParams(location.search).has("mock")) {
    const { startPretending } = await import("./api/mock");
    startPretending();
  } else if (!inDesktop) {
    await signInFromAddress();
    // The address changed without an event; the router reads it again.
    window.dispatchEvent(new Event("hashchange"));
  }
  const target = document.getElementById("app");
  if (target) mount(App, { target });
  setTimeout(() => void loadMarkdown(), READY_MS);
}

void start();
