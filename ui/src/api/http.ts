/**
 * Commands and events over HTTP, for the browser. The address is opened once with `#token=…`; the token is exchanged for
 * a cookie that scripts cannot read, and taken out of the address so that it is not kept in the history.
 */
import { Failure, type Transport } from "./backend";
import type { Event } from "./types/Event";

const TOKEN = /^#token=([^&/]+)(?:[&/](.*))?$/;

/** Exchanges a token for the session cookie. Resolves to false when the program does not accept it. */
export async function signIn(token: string): Promise<boolean> {
  const response = await fetch("/api/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
    credentials: "same-origin",
  });
  return response.ok;
}

/** Takes the token out of the address, if there is one, and signs in with it. Call before anything else. */
export async function signInFromAddress(): Promise<void> {
  const match = TOKEN.exec(location.hash);
  if (!match) return;
  const rest = match[2] ? `#/${match[2].replace(/^\//, "")}` : "";
  history.replaceState(null, "", location.pathname + location.search + rest);
  try {
    await signIn(decodeURIComponent(match[1] ?? ""));
  } catch {
    // Not reachable: the first call says so in the interface.
  }
}

async function failure(response: Response): Promise<Failure> {
  if (response.status === 401) {
    return new Failure({ code: "signed_out", message: response.statusText });
  }
  try {
    return Failure.from(await response.json());
  } catch {
    return new Failure({ code: "internal", message: `${response.status} ${response.statusText}` });
  }
}

export function httpTransport(): Transport {
  return {
    async call(name, args) {
      const response = await fetch(`/api/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(args),
        credentials: "same-origin",
      });
      if (!response.ok) throw await failure(response);
      return response.json();
    },

    async file(document) {
      const response = await fetch(`/api/documents/${encodeURIComponent(document)}/file`, { credentials: "same-origin" });
      if (!response.ok) throw await failure(response);
      return response.arrayBuffer();
    },

    events(deliver, link) {
      let wasLost = false;
      const open = () => {
        const source = new EventSource("/api/events");
        source.onopen = () => {
          link("open");
          // Whatever was said while nobody listened is unknown: read everything again.
          if (wasLost) deliver({ topic: "resync" });
          wasLost = false;
        };
        source.onmessage = (message: MessageEvent<string>) => deliver(JSON.parse(message.data) as Event);
        source.onerror = () => {
          wasLost = true;
          link("lost");
          // The browser reconnects by itself unless the answer was an error.
          if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
        };
      };
      open();
    },
  };
}
