/**
 * What the program last answered, kept and refreshed by event topic. A view says what it needs with `live(...)`; while
 * it is on screen the answer is read again after each event that makes it stale, at most once at a time.
 */
import { call, Failure, onEvent } from "./backend";
import { type Answer, type KeptCommand, type Request, STALE_AFTER, type Topic } from "./commands";
import { documentReader, taskReader } from "./reader";

/** Answers nobody looks at are kept for coming back quickly; beyond this many the oldest go. */
const KEPT_UNUSED = 24;

/** Least time between two reads of the same thing, in ms: while a folder is indexed, events come by the hundred. */
const BREATH = 200;
/** What takes long to read (ten thousand documents for the first time) is left alone for so many times as long. */
const REST = 4;

/** Answers that are put together from more than one. They hold the whole list, whatever of it was asked for. */
const READERS: { [N in KeptCommand]?: () => () => Promise<Answer<N>> } = { task_list: taskReader, document_list: documentReader };

export class Entry<N extends KeptCommand> {
  data = $state.raw<Answer<N> | undefined>(undefined);
  error = $state.raw<Failure | null>(null);

  #users = 0;
  #stale = true;
  #running: Promise<void> | null = null;
  #read: () => Promise<Answer<N>>;

  constructor(
    readonly name: N,
    readonly args: Request<N>,
  ) {
    this.#read = this.#reader();
  }

  #reader(): () => Promise<Answer<N>> {
    return READERS[this.name]?.() ?? (() => call(this.name, this.args));
  }

  get used(): boolean {
    return this.#users > 0;
  }

  retain(): void {
    this.#users += 1;
    if (this.#stale) void this.refresh();
  }

  release(): void {
    this.#users -= 1;
  }

  /** Something changed: read again now if it is on screen, else when it is next looked at. `all`: nothing read so far counts. */
  invalidate(all = false): void {
    if (all) this.#read = this.#reader();
    this.#stale = true;
    if (this.used) void this.refresh();
  }

  /** Reads the answer. Calls made while one is under way share one more read after it. */
  refresh(): Promise<void> {
    this.#stale = true;
    this.#running ??= this.#run().finally(() => (this.#running = null));
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#stale) {
      this.#stale = false;
      const begun = performance.now();
      try {
        this.data = await this.#read();
        this.error = null;
      } catch (reason) {
        this.error = Failure.from(reason);
        return;
      }
      if (this.#stale) await new Promise((resume) => setTimeout(resume, Math.max(BREATH, REST * (performance.now() - begun))));
    }
  }

  /** The data was locked: what was read must not stay here. */
  forget(): void {
    this.#read = this.#reader();
    this.#stale = true;
    this.data = undefined;
    this.error = null;
  }

  /** Shows a change before the program has confirmed it; the next read replaces it. */
  patch(change: (data: Answer<N>) => Answer<N>): void {
    if (this.data !== undefined) this.data = change(this.data);
  }
}

const entries = new Map<string, Entry<KeptCommand>>();

export function entry<N extends KeptCommand>(name: N, args: Request<N>): Entry<N> {
  const key = `${name} ${JSON.stringify(args)}`;
  let found = entries.get(key);
  if (!found) {
    found = new Entry(name, args) as unknown as Entry<KeptCommand>;
    entries.set(key, found);
    if (entries.size > KEPT_UNUSED) dropOldestUnused();
  }
  return found as unknown as Entry<N>;
}

function dropOldestUnused(): void {
  for (const [key, value] of entries) {
    if (entries.size <= KEPT_UNUSED) return;
    // A just made entry is last in order, so it survives its own birth.
    if (!value.used) entries.delete(key);
  }
}

export interface Live<N extends KeptCommand> {
  readonly data: Answer<N> | undefined;
  readonly error: Failure | null;
  readonly entry: Entry<N>;
}

/** Call while a component is being set up. `args` may read reactive state; the answer follows it. */
export function live<N extends KeptCommand>(name: N, args: () => Request<N>): Live<N> {
  const found = $derived(entry(name, args()));
  $effect(() => {
    const held = found;
    held.retain();
    return () => held.release();
  });
  return {
    get data() {
      return found.data;
    },
    get error() {
      return found.error;
    },
    get entry() {
      return found;
    },
  };
}

const NONE = {};
const EVERY_SOURCE = { source_id: null };
export const liveKeys = () => live("key_status", () => NONE);
export const liveStatus = () => live("status", () => NONE);
export const liveSettings = () => live("settings_get", () => NONE);
export const liveTasks = () => live("task_list", () => NONE);
export const liveModels = () => live("model_list", () => NONE);
export const liveCatalogue = () => live("model_catalogue", () => NONE);
export const liveDownloads = () => live("model_downloads", () => NONE);
export const liveDocuments = () => live("document_list", () => EVERY_SOURCE);
export const liveSources = () => live("source_list", () => NONE);
export const liveConversations = () => live("conversation_list", () => NONE);
export const liveReminders = () => live("reminder_list", () => NONE);

/** Makes every kept answer stale that depends on the topic. */
export function invalidate(topic: Topic): void {
  for (const held of entries.values()) {
    const topics: readonly Topic[] = STALE_AFTER[held.name];
    // After unlocking everything can be read again.
    const all = topic === "resync" || topic === "keys_changed";
    if (all || topics.includes(topic)) held.invalidate(all);
  }
}

onEvent((event) => {
  if (event.topic === "settings_changed") {
    entry("settings_get", NONE).data = event.settings;
  } else if (event.topic === "downloads_changed") {
    // The event holds the answer; it comes several times a second.
    entry("model_downloads", NONE).data = event.downloads;
  } else {
    invalidate(event.topic);
  }
});

/** Forgets what was read of the data, because it was locked. */
export function forgetData(): void {
  for (const held of entries.values()) if (held.name !== "key_status") held.forget();
}

/** For tests. */
export function forgetEverything(): void {
  entries.clear();
}
