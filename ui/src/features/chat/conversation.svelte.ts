/** The conversation on screen: its messages, kept in step with what the program tells. */
import { call, Failure, onEvent } from "@/api/backend";
import type { ChatAccepted } from "@/api/types/ChatAccepted";
import type { Conversation } from "@/api/types/Conversation";
import type { ConversationId } from "@/api/types/ConversationId";
import type { Message } from "@/api/types/Message";
import type { MessageId } from "@/api/types/MessageId";
import { newest, onGap, reconcile, startAnew } from "./streams.svelte";

export class OpenConversation {
  conversation = $state.raw<Conversation | null>(null);
  messages = $state.raw<readonly Message[]>([]);
  loaded = $state(false);
  error = $state.raw<Failure | null>(null);

  #reading: Promise<void> | null = null;
  #again = false;

  constructor(readonly id: ConversationId) {}

  get streaming(): Message | undefined {
    return this.messages.findLast((message) => message.state === "streaming");
  }

  /** Starts listening and reads it. Returns what stops it. */
  open(): () => void {
    const stops = [
      onEvent((event) => {
        if (event.topic === "resync") void this.read();
        else if (event.topic === "message_changed" && event.message.conversation_id === this.id) this.#change(event.message);
      }),
      onGap((conversation) => {
        if (conversation === this.id) void this.read();
      }),
    ];
    void this.read();
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Reads everything again. Asked for while it is being read, it is read once more after. */
  read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #read(): Promise<void> {
    do {
      this.#again = false;
      try {
        const view = await call("conversation_get", { id: this.id });
        reconcile(this.id, view.messages);
        this.conversation = view.conversation;
        this.messages = view.messages.map(newest);
        this.error = null;
      } catch (reason) {
        this.error = Failure.from(reason);
      }
      this.loaded = true;
    } while (this.#again && this.error === null);
  }

  /** The program took a question. `from` is the message that it and all after it replace. */
  accept(accepted: ChatAccepted, from: MessageId | null = null): void {
    const at = from === null ? -1 : this.messages.findIndex((message) => message.id === from);
    const kept = (at < 0 ? this.messages : this.messages.slice(0, at)).filter(
      (message) => message.id !== accepted.user_message.id && message.id !== accepted.answer.id,
    );
    this.messages = [...kept, accepted.user_message, newest(accepted.answer)];
    this.loaded = true;
  }

  /** Before an answer is written again under the same id. */
  restart(message: Message): void {
    startAnew(message);
  }

  #change(message: Message): void {
    const at = this.messages.findIndex((known) => known.id === message.id);
    if (at >= 0) this.messages = this.messages.with(at, message);
    // Said elsewhere: another window, the command line.
    else if (this.loaded) void this.read();
  }
}
