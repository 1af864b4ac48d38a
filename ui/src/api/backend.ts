/**
 * The one door to the program: `call` a command, listen to events. It chooses how they travel (the desktop window's
 * bridge, or HTTP from a browser) and turns every failure into a `Failure` in plain words. It keeps no data.
 */
import type { Answer, CommandName, Request } from "./commands";
import { httpTransport } from "./http";
import { tauriTransport } from "./tauri";
import type { ApiError } from "./types/ApiError";
import type { DocumentId } from "./types/DocumentId";
import type { Event } from "./types/Event";

export type Link = "connecting" | "open" | "lost";

export interface Transport {
  call(name: string, args: unknown): Promise<unknown>;
  /** What is in the file of a document of the library. */
  file(document: DocumentId): Promise<ArrayBuffer>;
  /** Starts the stream of events; it heals itself and reports how it stands. */
  events(deliver: (event: Event) => void, link: (state: Link) => void): void;
}

/** What `call` rejects with. `message` is one plain sentence, `hint` says what to do next. */
export class Failure extends Error {
  readonly code: ApiError["code"] | "signed_out" | "unreachable";
  readonly hint: string | null;
  readonly traceId: string;

  constructor(error: { code: Failure["code"]; message: string; hint?: string | null; trace_id?: string }) {
    super(error.message);
    this.name = "Failure";
    this.code = error.code;
    this.hint = error.hint ?? null;
    this.traceId = error.trace_id ?? "";
  }

  static from(reason: unknown): Failure {
    if (reason instanceof Failure) return reason;
    if (typeof reason === "object" && reason !== null && "code" in reason && "message" in reason) {
      return new Failure(reason as ApiError);
    }
    const message = reason instanceof Error ? reason.message : String(reason);
    return new Failure({ code: "unreachable", message });
  }
}

export const inDesktop = "__TAURI_INTERNALS__" in globalThis;

let transport: Transport | null = null;
const listeners = new Set<(event: Event) => void>();
const linkListeners = new Set<(state: Link) => void>();
const failureListeners = new Set<(failure: Failure) => void>();

/** Replaces the transport; for tests and for the pretend backend of the dev server. */
export function setTransport(next: Transport): void {
  transport = next;
}

function current(): Transport {
  transport ??= inDesktop ? tauriTransport() : httpTransport();
  return transport;
}

async function answered<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (reason) {
    const failure = Failure.from(reason);
    for (const listener of failureListeners) listener(failure);
    throw failure;
  }
}

export function call<N extends CommandName>(name: N, args: Request<N>): Promise<Answer<N>> {
  return answered(current().call(name, args) as Promise<Answer<N>>);
}

/** The bytes of a PDF of the library; other kinds are not given. */
export function documentFile(document: DocumentId): Promise<ArrayBuffer> {
  return answered(current().file(document));
}

export function onEvent(listener: (event: Event) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function onLink(listener: (state: Link) => void): () => void {
  linkListeners.add(listener);
  return () => linkListeners.delete(listener);
}

/** Sees every failed call, whoever made it; used to notice that the session ended. */
export function onFailure(listener: (failure: Failure) => void): () => void {
  failureListeners.add(listener);
  return () => failureListeners.delete(listener);
}

export function deliver(event: Event): void {
  for (const listener of listeners) listener(event);
}

export function startEvents(): void {
  current().events(deliver, (state) => {
    for (const listener of linkListeners) listener(state);
  });
}
