import { beforeEach, describe, expect, it, vi } from "vitest";
import { Failure, type Link } from "@/api/backend";
import { httpTransport, signInFromAddress } from "@/api/http";

const answer = (status: number, body: unknown) => new Response(body === undefined ? null : JSON.stringify(body), { status });
let fetched: ReturnType<typeof vi.fn>;

beforeEach(() => {
  fetched = vi.fn();
  vi.stubGlobal("fetch", fetched);
});

describe("signing in", () => {
  it("exchanges the token of the address and takes it out of the address", async () => {
    fetched.mockResolvedValue(answer(200, {}));
    history.replaceState(null, "", "/#token=s%2Fecret&/tasks");
    await signInFromAddress();
    expect(fetched).toHaveBeenCalledWith("/api/session", expect.objectContaining({ method: "POST", body: '{"token":"s/ecret"}' }));
    expect(location.href).not.toContain("ecret");
    expect(location.hash).toBe("#/tasks");
  });

  it("takes the token out of the address even when the program does not answer", async () => {
    fetched.mockRejectedValue(new TypeError("Failed to fetch"));
    history.replaceState(null, "", "/#token=secret");
    await signInFromAddress();
    expect(location.href).not.toContain("secret");
  });

  it("does nothing without a token", async () => {
    history.replaceState(null, "", "/#/library");
    await signInFromAddress();
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe("a call", () => {
  it("posts its arguments and gives the answer", async () => {
    fetched.mockResolvedValue(answer(200, { items: ["a"] }));
    expect(await httpTransport().call("suggestions", {})).toEqual({ items: ["a"] });
    expect(fetched).toHaveBeenCalledWith("/api/suggestions", expect.objectContaining({ method: "POST", body: "{}" }));
  });

  it("fails in the program's own words", async () => {
    fetched.mockResolvedValue(answer(409, { code: "busy", message: "The model is busy.", hint: "Wait a moment.", trace_id: "t1" }));
    const failure = await httpTransport().call("chat_send", {}).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ code: "busy", message: "The model is busy.", hint: "Wait a moment.", traceId: "t1" });
  });

  it("tells a missing session apart", async () => {
    fetched.mockResolvedValue(answer(401, { code: "invalid", message: "x", hint: null, trace_id: "" }));
    await expect(httpTransport().call("status", {})).rejects.toMatchObject({ code: "signed_out" });
  });

  it("survives an answer that is no JSON", async () => {
    fetched.mockResolvedValue(new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    await expect(httpTransport().call("status", {})).rejects.toMatchObject({ code: "internal", message: "502 Bad Gateway" });
  });
});

describe("events", () => {
  class Source {
    static readonly CLOSED = 2;
    static last: Source;
    readyState = 0;
    onopen: (() => void) | null = null;
    onmessage: ((message: { data: string }) => void) | null = null;
    onerror: (() => void) | null = null;
    constructor(readonly url: string) {
      Source.last = this;
    }
  }

  it("arrive, and everything is read again after a break", () => {
    vi.stubGlobal("EventSource", Source);
    const events: unknown[] = [];
    const links: Link[] = [];
    httpTransport().events((event) => events.push(event), (link) => links.push(link));
    Source.last.onopen?.();
    Source.last.onmessage?.({ data: '{"topic":"tasks_changed"}' });
    expect(events).toEqual([{ topic: "tasks_changed" }]);
    Source.last.onerror?.();
    Source.last.onopen?.();
    expect(links).toEqual(["open", "lost", "open"]);
    expect(events.at(-1)).toEqual({ topic: "resync" });
  });

  it("are asked for anew when the browser gave up", () => {
    vi.useFakeTimers();
    vi.stubGlobal("EventSource", Source);
    httpTransport().events(() => undefined, () => undefined);
    const first = Source.last;
    first.readyState = Source.CLOSED;
    first.onerror?.();
    vi.advanceTimersByTime(2000);
    expect(Source.last).not.toBe(first);
    vi.useRealTimers();
  });
});
