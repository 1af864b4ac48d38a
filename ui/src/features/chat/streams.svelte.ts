/**
 * Answers that are being written, wherever they are shown. Pieces are put together here even while another conversation
 * is on screen, so that coming back shows the text at once.
 */
import { onEvent } from "@/api/backend";
import { StreamedText } from "@/api/stream";
import type { ConversationId } from "@/api/types/ConversationId";
import type { Message } from "@/api/types/Message";
import type { MessageId } from "@/api/types/MessageId";
import { SvelteMap } from "svelte/reactivity";

class Stream {
  text = $state("");
  /** What the model thinks before it answers. */
  thoughts = $state("");
  /** Answers ahead of this one; 0 while the passages are being read; null once words come, or while nothing is known. */
  position = $state<number | null>(null);
  /** From 0 to 1: how much of a long prompt is read. */
  reading = $state(0);
  readonly joined = new StreamedText();
  readonly joinedThoughts = new StreamedText();
  drawing = false;

  constructor(readonly conversation: ConversationId) {}
}

/** A finished message may be told before the answer to the call that started it; so many are remembered for that. */
const REMEMBERED = 64;

const streams = new SvelteMap<MessageId, Stream>();
const finished = new Map<MessageId, Message>();
const gapListeners = new Set<(conversation: ConversationId) => void>();

function streamOf(conversation: ConversationId, message: MessageId): Stream {
  let stream = streams.get(message);
  if (!stream) {
    stream = new Stream(conversation);
    streams.set(message, stream);
  }
  return stream;
}

/** Words come faster than a screen can show them: draw once per frame. */
function draw(stream: Stream): void {
  if (stream.drawing) return;
  stream.drawing = true;
  requestAnimationFrame(() => {
    stream.drawing = false;
    show(stream);
  });
}

function show(stream: Stream): void {
  stream.text = stream.joined.text;
  stream.thoughts = stream.joinedThoughts.text;
}

onEvent((event) => {
  if (event.topic === "resync") {
    // What ended meanwhile was not told; what goes on is told again.
    streams.clear();
  } else if (event.topic === "answer_delta" || event.topic === "answer_thought") {
    // A piece that comes after the end must not wake the dead.
    if (finished.has(event.message_id)) return;
    const stream = streamOf(event.conversation_id, event.message_id);
    stream.position = null;
    const joined = event.topic === "answer_delta" ? stream.joined : stream.joinedThoughts;
    if (!joined.add(event)) for (const listener of gapListeners) listener(event.conversation_id);
    draw(stream);
  } else if (event.topic === "answer_queued") {
    if (!finished.has(event.message_id)) streamOf(event.conversation_id, event.message_id).position = event.position;
  } else if (event.topic === "answer_reading") {
    if (!finished.has(event.message_id)) streamOf(event.conversation_id, event.message_id).reading = event.read / event.total;
  } else if (event.topic === "message_changed") {
    const { message } = event;
    if (message.state === "streaming") {
      // Started anew: a retry may keep its id.
      finished.delete(message.id);
      return;
    }
    streams.delete(message.id);
    finished.set(message.id, message);
    const oldest = finished.keys().next();
    if (finished.size > REMEMBERED && !oldest.done) finished.delete(oldest.value);
  }
});

/** Text is missing in an answer of this conversation; whoever shows it reads it again. */
export function onGap(listener: (conversation: ConversationId) => void): () => void {
  gapListeners.add(listener);
  return () => gapListeners.delete(listener);
}

/** The message as it is known best: its end may have been told before it was asked for. */
export function newest(message: Message): Message {
  return message.state === "streaming" ? (finished.get(message.id) ?? message) : message;
}

/** Forgets what was told of a message before: it starts again. */
export function startAnew(message: Message): void {
  finished.delete(message.id);
  streams.delete(message.id);
}

/** Tells how far the program says the answers of a conversation are. */
export function reconcile(conversation: ConversationId, messages: readonly Message[]): void {
  const writing = messages.filter((message) => newest(message).state === "streaming");
  for (const [id, stream] of streams) {
    if (stream.conversation === conversation && !writing.some((message) => message.id === id)) streams.delete(id);
  }
  for (const message of writing) {
    const stream = streamOf(conversation, message.id);
    stream.joined.seed(message.text);
    stream.joinedThoughts.seed(message.thoughts ?? "");
    show(stream);
  }
}

export function textOf(message: Message): string {
  if (message.state !== "streaming") return message.text;
  const streamed = streams.get(message.id)?.text ?? "";
  return streamed.length > message.text.length ? streamed : message.text;
}

/** What the model thought before it answered, as far as it has; empty if it did not. */
export function thoughtsOf(message: Message): string {
  const stored = message.thoughts ?? "";
  if (message.state !== "streaming") return stored;
  const streamed = streams.get(message.id)?.thoughts ?? "";
  return streamed.length > stored.length ? streamed : stored;
}

export function positionOf(message: Message): number | null {
  return streams.get(message.id)?.position ?? null;
}

/** From 0 to 1: how much of the prompt is read, where that takes so long that it is told. */
export function readingOf(message: Message): number {
  return streams.get(message.id)?.reading ?? 0;
}

/** True while an answer of the conversation is being written. */
export function isWriting(conversation: ConversationId): boolean {
  for (const stream of streams.values()) if (stream.conversation === conversation) return true;
  return false;
}
