import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "@/api/types/Message";
import { OpenConversation } from "@/features/chat/conversation.svelte";
import { isWriting, positionOf, textOf, thoughtsOf } from "@/features/chat/streams.svelte";
import { deliver, message, pretend, settle } from "./pretend";

const base = { id: "c", title: "t", named: false, created_at: "2026-11-21T08:00:00Z", updated_at: "2026-11-21T08:00:00Z" };
let number = 0;
let id: string;
let answer: Message;

/** Each test has a conversation of its own: what is being written is remembered across conversations. */
beforeEach(() => {
  number += 1;
  id = `c${number}`;
  answer = message(`a${number}`, "assistant", "", { state: "streaming", conversation_id: id });
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => (draw(), 0));
});

const delta = (offset: number, text: string) => deliver({ topic: "answer_delta", conversation_id: id, message_id: answer.id, offset, text });

async function open(messages: () => Message[]) {
  const asked = pretend({ conversation_get: () => ({ conversation: { ...base, id }, messages: messages() }) });
  const conversation = new OpenConversation(id);
  const stop = conversation.open();
  await settle();
  return { conversation, asked, stop };
}

describe("an open conversation", () => {
  it("shows an answer as it is written, and its end", async () => {
    const { conversation, stop } = await open(() => [message("q", "user", "?"), answer]);
    deliver({ topic: "answer_queued", conversation_id: id, message_id: answer.id, position: 2 });
    expect(positionOf(answer)).toBe(2);
    delta(0, "The budget ");
    delta(11, "is 412,000 EUR");
    expect(positionOf(answer)).toBeNull();
    expect(textOf(conversation.messages[1] as Message)).toBe("The budget is 412,000 EUR");
    expect(isWriting(id)).toBe(true);
    deliver({ topic: "message_changed", message: { ...answer, text: "The budget is 412,000 EUR [1].", state: "done" } });
    expect(textOf(conversation.messages[1] as Message)).toBe("The budget is 412,000 EUR [1].");
    expect(conversation.streaming).toBeUndefined();
    expect(isWriting(id)).toBe(false);
    stop();
  });

  it("shows what the model thinks apart from what it answers", async () => {
    const thought = (offset: number, text: string) => deliver({ topic: "answer_thought", conversation_id: id, message_id: answer.id, offset, text });
    const { conversation, asked, stop } = await open(() => [{ ...answer, thoughts: "Two and " }]);
    const shown = () => conversation.messages[0] as Message;
    expect(thoughtsOf(shown())).toBe("Two and ");
    thought(8, "two");
    delta(0, "Four.");
    expect([thoughtsOf(shown()), textOf(shown())]).toEqual(["Two and two", "Four."]);
    thought(20, "lost");
    await settle();
    expect(asked).toHaveLength(2);
    deliver({ topic: "message_changed", message: { ...answer, text: "Four.", thoughts: "Two and two.", state: "done" } });
    expect([thoughtsOf(shown()), textOf(shown())]).toEqual(["Two and two.", "Four."]);
    stop();
  });

  it("asks again when a piece was lost", async () => {
    let soFar = "";
    const { conversation, asked, stop } = await open(() => [{ ...answer, text: soFar }]);
    delta(0, "ab");
    soFar = "abcd";
    delta(4, "ef");
    await settle();
    expect(asked).toHaveLength(2);
    expect(textOf(conversation.messages[0] as Message)).toBe("abcdef");
    stop();
  });

  it("joins pieces that came while the snapshot was being read", async () => {
    let finish: () => void = () => undefined;
    pretend({
      conversation_get: () => new Promise((resolve) => (finish = () => resolve({ conversation: { ...base, id }, messages: [{ ...answer, text: "0123" }] }))),
    });
    const conversation = new OpenConversation(id);
    const stop = conversation.open();
    await settle();
    delta(4, "45");
    delta(6, "67");
    finish();
    await settle();
    expect(textOf(conversation.messages[0] as Message)).toBe("01234567");
    finish();
    await settle();
    stop();
  });

  it("believes the end that was told before the call returned", async () => {
    const { conversation, stop } = await open(() => []);
    deliver({ topic: "message_changed", message: { ...answer, text: "Done already.", state: "done" } });
    await settle();
    conversation.accept({ conversation_id: id, user_message: message("q", "user", "?"), answer });
    expect(conversation.messages.map((one) => one.text)).toEqual(["?", "Done already."]);
    // A piece that comes after the end does not wake it.
    delta(0, "Done");
    expect(isWriting(id)).toBe(false);
    stop();
  });

  it("replaces a question and all after it when it is edited", async () => {
    const { conversation, stop } = await open(() => [message("q1", "user", "one"), message("r1", "assistant", "1"), message("q2", "user", "two"), message("r2", "assistant", "2")]);
    conversation.accept({ conversation_id: id, user_message: message("q3", "user", "two, edited"), answer }, "q2");
    expect(conversation.messages.map((one) => one.id)).toEqual(["q1", "r1", "q3", answer.id]);
    stop();
  });

  it("writes an answer again under the same id", async () => {
    const done = { ...answer, text: "old", state: "done" as const };
    const { conversation, stop } = await open(() => [message("q", "user", "?"), done]);
    deliver({ topic: "message_changed", message: done });
    conversation.restart(done);
    conversation.accept({ conversation_id: id, user_message: message("q", "user", "?"), answer }, answer.id);
    delta(0, "new");
    expect(conversation.messages).toHaveLength(2);
    expect(textOf(conversation.messages[1] as Message)).toBe("new");
    stop();
  });

  it("goes on with an answer that was cut, behind what there is", async () => {
    const done = { ...answer, text: "One. Tw", state: "done" as const };
    const streaming = { ...answer, text: "One. " };
    const { conversation, asked, stop } = await open(() => [message("q", "user", "?"), streaming]);
    deliver({ topic: "message_changed", message: done });
    conversation.restart(done);
    conversation.accept({ conversation_id: id, user_message: message("q", "user", "?"), answer: streaming }, answer.id);
    expect(textOf(conversation.messages[1] as Message)).toBe("One. ");
    delta(5, "Two.");
    await settle();
    expect(asked).toHaveLength(2);
    expect(conversation.messages.map((one) => one.id)).toEqual(["q", answer.id]);
    expect(textOf(conversation.messages[1] as Message)).toBe("One. Two.");
    stop();
  });

  it("forgets what was being written when the end was missed", async () => {
    let now: Message = answer;
    const { conversation, stop } = await open(() => [now]);
    delta(0, "half");
    now = { ...answer, text: "half and all", state: "done" };
    deliver({ topic: "resync" });
    await settle();
    expect(isWriting(id)).toBe(false);
    expect(textOf(conversation.messages[0] as Message)).toBe("half and all");
    stop();
  });

  it("says why it could not be read", async () => {
    const { conversation, stop } = await open(() => {
      throw { code: "not_found", message: "This chat is not there.", hint: null, trace_id: "" };
    });
    expect(conversation.error).toMatchObject({ code: "not_found" });
    expect(conversation.loaded).toBe(true);
    stop();
  });
});
