/** Commands and events over the desktop window's bridge. */
import { Channel, invoke } from "@tauri-apps/api/core";
import type { Transport } from "./backend";
import type { Event } from "./types/Event";

export function tauriTransport(): Transport {
  return {
    call: (name, args) => invoke("call", { name, args }),
    file: (document) => invoke("document_file", { document }),
    events(deliver, link) {
      const channel = new Channel<Event>();
      channel.onmessage = deliver;
      invoke("events", { channel }).then(
        () => link("open"),
        () => link("lost"),
      );
    },
  };
}
