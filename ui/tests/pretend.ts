/** A pretended program for tests: answers by command, and a record of what was asked. */
import { deliver, setTransport } from "@/api/backend";
import type { Answer, CommandName, Request } from "@/api/commands";
import type { Message } from "@/api/types/Message";

type Handler<N extends CommandName> = (args: Request<N>) => Answer<N> | Promise<Answer<N>>;
export type Handlers = { [N in CommandName]?: Handler<N> };

export interface Asked {
  name: string;
  args: unknown;
}

export function pretend(handlers: Handlers, file?: (document: string) => ArrayBuffer): Asked[] {
  const asked: Asked[] = [];
  setTransport({
    async call(name, args) {
      asked.push({ name, args });
      const handler = handlers[name as CommandName] as ((args: unknown) => unknown) | undefined;
      if (!handler) throw { code: "not_found", message: `Nothing answers ${name}.`, hint: null, trace_id: "" };
      return structuredClone(await handler(args));
    },
    async file(document) {
      asked.push({ name: "file", args: document });
      if (!file) throw { code: "not_found", message: "There is no file.", hint: null, trace_id: "" };
      return file(document);
    },
    events: () => undefined,
  });
  return asked;
}

export { deliver };

export function message(id: string, role: Message["role"], text: string, more: Partial<Message> = {}): Message {
  return {
    id,
    conversation_id: "c",
    role,
    text,
    state: "done",
    kind: role === "assistant" ? "model" : null,
    citations: [],
    stats: null,
    error: null,
    task_id: null,
    answerer: null,
    thoughts: null,
    created_at: "2026-11-21T08:00:00Z",
    ...more,
  };
}

/** Lets promises that are already settled run on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
