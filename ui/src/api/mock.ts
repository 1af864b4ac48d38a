/**
 * A pretended program for the dev server: `npm run dev`, then `/?mock=normal`. Other scenes: `empty`, `full`, `error`,
 * `firstrun`, `nomodel`, `reminders`, `slow`. `&lang=zh-CN&theme=dark` sets those. Not part of the product.
 */
import { deliver, Failure, setTransport } from "./backend";
import type { Answer, CommandName, Commands, Request } from "./commands";
import * as data from "./mock-data";
import { pdfOf } from "./mock-pdf";
import { pretendKeys } from "./mock-keys";
import { pretendSupply } from "./mock-supply";
import { manyTasks, parse, viewOf } from "./mock-tasks";
import type { Message } from "./types/Message";
import type { Settings } from "./types/Settings";
import type { Status } from "./types/Status";
import type { TaskDraft } from "./types/TaskDraft";
import type { TaskView } from "./types/TaskView";

type Handlers = { [N in CommandName]: (args: Request<N>) => Answer<N> | Promise<Answer<N>> };
const EMPTY = {} as Answer<"chat_stop">;
const wait = (ms: number) => new Promise((resume) => setTimeout(resume, ms));

export function startPretending(): void {
  const query = new URLSearchParams(location.search);
  const scene = query.get("mock") || "normal";
  const bare = scene === "empty" || scene === "firstrun";

  const settings: Settings = {
    language: (query.get("lang") ?? "system") as Settings["language"],
    theme: (query.get("theme") ?? "system") as Settings["theme"],
    chat_model: scene === "nomodel" || bare ? null : "qwen3-4b",
    embedder: scene === "nomodel" || bare ? null : "minilm",
    reranker: null,
    automatic_model: false,
    automatic_remote: false,
    indexing_paused: false,
    library_rules: { ignore: "", largest_mb: 0 },
    indexing_cores: "one",
    pause_on_battery: true,
    close_to_tray: true,
    notifications: true,
    notification_sound: true,
    first_word_seconds: 3,
    quiet_hours: null,
    quick_add_keys: "ctrl+alt+n",
    calendar_feed: null,
    auto_lock_minutes: 0,
    idle_unload_minutes: 15,
    welcomed: scene !== "firstrun",
  };
  let conversations = bare ? [] : data.conversations();
  const messages = data.messages();
  let tasks = bare ? [] : data.tasks();
  let sources = bare ? [] : data.sources();
  let documents = bare ? [] : data.documents(scene === "full" ? 20_000 : 24);
  let models = data.models();
  let reminders = scene === "reminders" ? data.reminders() : [];
  let activities: Status["activities"] = bare
    ? []
    : [
        { id: "a1", kind: "indexing", subject: "The Rust Book.pdf", progress: 0.69, message: null },
        { id: "a2", kind: "problem", subject: "/media/usb/archive", progress: null, message: "The folder is not there now. It is read again when it comes back." },
      ];
  if (bare) models = models.filter((one) => one.spec.bundled || one.spec.id === "llama-8b" || one.spec.id === "mistral-24b");
  if (scene === "nomodel" || bare) models = models.map((one) => (one.state === "loaded" ? { ...one, state: "available", stats: null } : one));
  if (scene === "full") {
    conversations = Array.from({ length: 3000 }, (_, index) => ({
      ...(data.conversations()[index % 8] as (typeof conversations)[0]),
      id: index < 8 ? `c${index + 1}` : `x${index}`,
      updated_at: data.ago(index * 5_000_000),
    }));
    tasks = manyTasks(data.tasks(), 10_000);
    const [question, answer] = messages["c1"] as Message[];
    messages["c1"] = Array.from({ length: 150 }, (_, index) => [
      { ...(question as Message), id: `q${index}` },
      { ...(answer as Message), id: `n${index}` },
    ]).flat();
  }

  const machine = { cpu: "AMD Ryzen 5 5600U with Radeon Graphics", cores: 12, memory_total: 15.4 * data.GB, memory_available: 8.9 * data.GB };

  const index = (): Status["index"] => ({
    indexed: documents.filter((one) => one.state === "indexed").length,
    pending: bare ? 0 : 97,
    failed: documents.filter((one) => one.reason).length,
    chunks: documents.reduce((sum, one) => sum + one.chunks, 0),
    paused: settings.indexing_paused,
    on_battery: false,
    current: bare ? null : "The Rust Book.pdf",
    words_only: settings.embedder === null,
    progress: bare ? null : { done: 0.374, files_per_second: 12.2, bytes_per_second: 3_400_000, seconds_left: 110 },
    renewal: null,
  });

  const find = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Failure({ code: "not_found", message: "This is no longer there." });
    return value;
  };

  let stopped = false;
  let counter = 0;

  async function answer(conversation: string, id: string, question: string): Promise<void> {
    stopped = false;
    const zh = /[\u4e00-\u9fff]/.test(question);
    const text = zh
      ? "首轮测试在 **12 月 8 日之前**完成 [1]，由王磊负责。设备采购推迟两周，不影响总额 [1]。\n\n下一步是陈静在周五前整理供应商报价 [2]。"
      : "The budget of Lyra is **412,000 EUR** [1]. The reserve is released by the steering group, which released 20,000 EUR in November [2].\n\nWhat is not used by the end of the year falls back to the common budget and cannot be carried over.";
    deliver({ topic: "answer_queued", conversation_id: conversation, message_id: id, position: 1 });
    await wait(500);
    deliver({ topic: "answer_queued", conversation_id: conversation, message_id: id, position: 0 });
    await wait(400);
    let sent = 0;
    const step = zh ? 2 : 5;
    while (sent < text.length && !stopped) {
      const piece = text.slice(sent, sent + step);
      deliver({ topic: "answer_delta", conversation_id: conversation, message_id: id, offset: sent, text: piece });
      sent += piece.length;
      await wait(scene === "slow" ? 400 : 30);
    }
    const done = data.message(conversation, id, "assistant", text.slice(0, sent), {
      state: stopped ? "stopped" : "done",
      citations: zh ? [data.citation(1, "weekly", 1), data.citation(2, "weekly", 2)] : [data.citation(1, "budget", 2), data.citation(2, "notes", 0)],
      stats: { ...data.STATS, cut: scene === "slow" },
    });
    messages[conversation] = (messages[conversation] ?? []).map((one) => (one.id === id ? done : one));
    deliver({ topic: "message_changed", message: done });
    deliver({ topic: "conversations_changed" });
  }

  function ask(conversation_id: string | null, text: string): Answer<"chat_send"> {
    const id = conversation_id ?? `new${(counter += 1)}`;
    if (conversation_id === null) {
      conversations = [{ id, title: text.slice(0, 40), named: false, created_at: data.ago(0), updated_at: data.ago(0) }, ...conversations];
    }
    const user_message = data.message(id, `u${(counter += 1)}`, "user", text);
    let reply: Message;
    if (/^remind me|^提醒我/.test(text)) {
      const view = addTask(parse(text));
      reply = data.message(id, `w${(counter += 1)}`, "assistant", view.task.title, { kind: "task", task_id: view.task.id });
    } else {
      reply = data.message(id, `w${(counter += 1)}`, "assistant", "", { state: "streaming" });
      void answer(id, reply.id, text);
    }
    messages[id] = [...(messages[id] ?? []), user_message, reply];
    deliver({ topic: "conversations_changed" });
    return { conversation_id: id, user_message, answer: reply };
  }

  function addTask({ title, notes, priority, category, section, labels, deadline, remind_before, estimate_minutes, parent, due, recurrence, repeat_from }: Omit<TaskDraft, "spans"> & { parent?: string | null }): TaskView {
    const id = `n${(counter += 1)}`;
    const view = viewOf({ id, title, notes, priority, category, section, labels, deadline, remind_before, estimate_minutes, parent: parent ?? null, due, recurrence, repeat_from, skipped: [], done_at: null, source: null, created_at: data.ago(0), updated_at: data.ago(0) });
    tasks = [...tasks, view];
    setTimeout(() => deliver({ topic: "tasks_changed" }));
    return view;
  }

  const deleted = new Map<string, TaskView>();
  const hidden = new Map<string, (typeof conversations)[0]>();

  const handlers: Handlers = {
    status: () => ({
      version: "0.1.0",
      data_dir: "/home/mia/.local/share/moltworker",
      chat_model: models.find((one) => one.spec.role === "chat" && (one.state === "loaded" || one.state === "loading")) ?? null,
      embedder: models.find((one) => one.spec.role === "embedder" && one.state === "loaded") ?? null,
      reranker: models.find((one) => one.spec.role === "reranker" && one.state === "loaded") ?? null,
      index: index(),
      activities,
      due_reminders: reminders.length,
      desktop: false,
    }),
    settings_get: () => settings,
    settings_set: (next) => {
      Object.assign(settings, next);
      return { ...settings };
    },
    suggestions: () => ({
      items: bare ? [] : settings.language === "zh-CN" ? ["Lyra 的首轮测试什么时候完成？", "总结一下《项目周会纪要》", "今天有哪些任务到期？"] : ["What is the budget of Lyra?", "Summarise steering-notes.txt", "Which tasks are due this week?"],
    }),
    conversation_list: () => conversations,
    conversation_get: ({ id }) => ({ conversation: find(conversations.find((one) => one.id === id)), messages: messages[id] ?? [] }),
    conversation_rename: ({ id, title }) => {
      conversations = conversations.map((one) => (one.id === id ? { ...one, title, named: true } : one));
      return find(conversations.find((one) => one.id === id));
    },
    conversation_delete: ({ id }) => {
      hidden.set(id, find(conversations.find((one) => one.id === id)));
      conversations = conversations.filter((one) => one.id !== id);
      return EMPTY;
    },
    conversation_restore: ({ id }) => {
      conversations = [find(hidden.get(id)), ...conversations];
      return find(hidden.get(id));
    },
    chat_send: ({ conversation_id, text }) => ask(conversation_id, text),
    chat_edit: ({ message_id, text }) => {
      const [id, list] = find(Object.entries(messages).find(([, all]) => all.some((one) => one.id === message_id)));
      messages[id] = list.slice(0, list.findIndex((one) => one.id === message_id));
      return ask(id, text);
    },
    chat_retry: ({ id: message_id }) => {
      const [id, list] = find(Object.entries(messages).find(([, all]) => all.some((one) => one.id === message_id)));
      const at = list.findIndex((one) => one.id === message_id);
      const question = find(list[at - 1]);
      const reply = data.message(id, `w${(counter += 1)}`, "assistant", "", { state: "streaming" });
      messages[id] = [...list.slice(0, at), reply];
      void answer(id, reply.id, question.text);
      return { conversation_id: id, user_message: question, answer: reply };
    },
    chat_continue: ({ id: message_id }) => {
      const [id, list] = find(Object.entries(messages).find(([, all]) => all.some((one) => one.id === message_id)));
      const cut = find(list.find((one) => one.id === message_id));
      const done: Message = { ...cut, text: `${cut.text}\n\nThat is all.`, stats: data.STATS };
      messages[id] = list.map((one) => (one.id === message_id ? done : one));
      setTimeout(() => deliver({ topic: "message_changed", message: done }), 600);
      return { conversation_id: id, user_message: find(list.findLast((one) => one.role === "user")), answer: { ...cut, state: "streaming" } };
    },
    chat_stop: () => {
      stopped = true;
      return EMPTY;
    },
    source_list: () => sources,
    source_skipped: () => ({
      files: [
        { path: "/home/you/Documents/.cache", is_folder: true, reason: "hidden" },
        { path: "/home/you/Documents/holiday.mp4", is_folder: false, reason: "type" },
      ],
      more: 0,
    }),
    source_remove: ({ id }) => {
      sources = sources.filter((one) => one.source.id !== id);
      documents = documents.filter((one) => one.source_id !== id);
      setTimeout(() => deliver({ topic: "sources_changed" }));
      return EMPTY;
    },
    document_list: ({ source_id }) => (source_id ? documents.filter((one) => one.source_id === source_id) : documents),
    document_changes: () => ({ mark: "", whole: true, more: false, changed: documents, removed: [], reading: [] }),
    document_get: ({ id }) => {
      const document = find(documents.find((one) => one.id === id));
      const text = data.TEXTS[id.replace("d-", "")];
      return {
        document,
        chunks: (text?.chunks ?? []).map((chunk, number) => ({
          id: `${id.replace("d-", "")}-${number}`,
          text: chunk.text,
          position: { page: chunk.page, headings: chunk.headings, line: null, start: 0, end: 0 },
        })),
      };
    },
    document_retry: () => EMPTY,
    document_unlock: () => EMPTY,
    knowledge_add: ({ paths }) => {
      const bad = paths.filter((path) => !path.startsWith("/"));
      const added = paths.filter((path) => path.startsWith("/")).map((path) => ({ id: path, path, is_folder: true, added_at: data.ago(0) }));
      sources = [...sources, ...added.map((source) => ({ source, documents: 0, indexed: 0, pending: 0, failed: 0, problem: null }))];
      setTimeout(() => deliver({ topic: "sources_changed" }));
      return { sources: added, problems: bad.map((path) => ({ path, message: "There is no file or folder with this path. Give the whole path, from the beginning." })) };
    },
    knowledge_search: ({ query: text }) => {
      const words = text.toLowerCase().split(/\s+/);
      const passages = Object.entries(data.TEXTS).flatMap(([key, document]) =>
        document.chunks.map((chunk, number) => {
          const highlights: [number, number][] = [];
          for (const word of words) {
            let at = chunk.text.toLowerCase().indexOf(word);
            while (at >= 0) {
              highlights.push([at, at + word.length]);
              at = chunk.text.toLowerCase().indexOf(word, at + word.length);
            }
          }
          const { position, path, document_name, document_id, chunk_id } = data.citation(1, key, number);
          return { chunk_id, document_id, source_id: "s1", document_name, path, text: chunk.text, position, score: highlights.length, highlights: highlights.sort((a, b) => a[0] - b[0]) };
        }),
      );
      return { passages: passages.filter((one) => one.score > 0).sort((a, b) => b.score - a.score), words_only: settings.embedder === null };
    },
    knowledge_pause: ({ paused }) => {
      settings.indexing_paused = paused;
      return index();
    },
    knowledge_extract: () => ({ text: "", pages: null, reader: "text", title: null }),
    task_list: () => tasks,
    task_changes: () => ({ mark: "", whole: true, more: false, changed: tasks, removed: [] }),
    task_import: () => ({ added: 0, present: 0, remarks: [], more_remarks: 0 }),
    task_export: () => ({ text: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n" }),
    task_feed: ({ on }) => Object.assign(settings, { calendar_feed: on ? "0123456789abcdef0123456789abcdef" : null }),
    task_parse: ({ text }) => parse(text),
    task_add: (add) => addTask({ ...add, notes: add.notes ?? "" }),
    task_add_line: ({ text }) => addTask(parse(text)),
    task_update: (next) => {
      tasks = tasks.map((one) => (one.task.id === next.id ? viewOf(next) : one));
      return find(tasks.find((one) => one.task.id === next.id));
    },
    task_set_done: ({ id, done }) => {
      tasks = tasks.map((one) => (one.task.id === id ? viewOf({ ...one.task, done_at: done ? data.ago(0) : null }) : one));
      return find(tasks.find((one) => one.task.id === id));
    },
    task_skip: ({ id }) => find(tasks.find((one) => one.task.id === id)),
    task_delete: ({ id }) => {
      deleted.set(id, find(tasks.find((one) => one.task.id === id)));
      tasks = tasks.filter((one) => one.task.id !== id);
      return EMPTY;
    },
    task_restore: ({ id }) => {
      tasks = [...tasks, find(deleted.get(id))];
      return find(deleted.get(id));
    },
    reminder_list: () => reminders,
    reminder_done: ({ id }) => ((reminders = reminders.filter((one) => one.reminder.id !== id)), EMPTY),
    reminder_dismiss: ({ id }) => ((reminders = reminders.filter((one) => one.reminder.id !== id)), EMPTY),
    reminder_snooze: ({ id }) => ((reminders = reminders.filter((one) => one.reminder.id !== id)), EMPTY),
    ...pretendKeys(scene),
    ...pretendSupply(() => machine),
    model_list: () => ({ models, machine }),
    model_import: ({ path }) => {
      if (!path.endsWith(".gguf")) throw new Failure({ code: "invalid", message: "This is not a model file.", hint: "Choose a file that ends in .gguf." });
      return find(models[2]);
    },
    model_set: async ({ role, id }) => {
      const stays = role === "chat" && id !== null;
      models = models.map((one) => (one.spec.role !== role ? one : { ...one, chosen: one.spec.id === id, state: one.spec.id === id ? "loading" : one.state === "loaded" && !stays ? "available" : one.state }));
      deliver({ topic: "models_changed" });
      deliver({ topic: "status_changed" });
      await wait(1500);
      models = models.map((one) => (one.spec.id === id ? { ...one, state: "loaded", problem: null } : one));
      settings[role === "chat" ? "chat_model" : role] = id;
      if (role === "chat") settings.automatic_model = false;
      deliver({ topic: "status_changed" });
      return handlers.model_list({});
    },
    model_benchmark: async ({ id }) => {
      await wait(2500);
      const calibration = {
        machine: "",
        size: 0,
        trials: [
          { backend: "llama_cpp" as const, outcome: { state: "measured" as const, prompt_tokens_per_second: 166, tokens_per_second: 19.8 } },
          { backend: "mistral_rs" as const, outcome: { state: "too_slow" as const } },
        ],
      };
      models = models.map((one) => (one.spec.id === id ? { ...one, calibration, fastest: "llama_cpp" as const } : one));
      return handlers.model_list({});
    },
    model_configure: ({ id, backend, settings }) => {
      models = models.map((one) => {
        const set = settings ?? one.spec.settings;
        return one.spec.id === id ? { ...one, context: set.context ?? one.spec.context_length, spec: { ...one.spec, backend, settings: set } } : one;
      });
      return handlers.model_list({});
    },
    model_load: async ({ id }) => {
      models = models.map((one) => (one.spec.id === id ? { ...one, state: "loading" } : one));
      deliver({ topic: "models_changed" });
      await wait(1500);
      models = models.map((one) => (one.spec.id === id ? { ...one, state: "loaded", problem: null } : one));
      return handlers.model_list({});
    },
    model_unload: ({ id }) => {
      models = models.map((one) => (one.spec.id === id ? { ...one, state: "available", stats: null } : one));
      return handlers.model_list({});
    },
    model_endpoint_models: () => [
      { name: "big-1", context_length: 131_072 },
      { name: "small-1", context_length: null },
    ],
    model_endpoint_add: ({ name, url, model, context_length }) => {
      const spec = find(models.find((one) => one.spec.id === "qwen3-4b")).spec;
      const remote = { url, host: new URL(url).host, model, vision: false };
      const added = { ...find(models[2]), spec: { ...spec, id: `far${(counter += 1)}`, name, format: "remote" as const, path: "", size: 0, memory_needed: 0, licence: null, architecture: "", context_length: context_length ?? 8192, remote } };
      models = [...models, added];
      return added;
    },
    model_endpoint_edit: ({ id, name, url, model, context_length }) => {
      models = models.map((one) => {
        if (one.spec.id !== id || !one.spec.remote) return one;
        const remote = { ...one.spec.remote, url, host: new URL(url).host, model };
        return { ...one, spec: { ...one.spec, name, remote, context_length: context_length ?? one.spec.context_length } };
      });
      return find(models.find((one) => one.spec.id === id));
    },
    model_endpoint_test: async () => {
      await wait(600);
      return { ms: 580 };
    },
    model_remove: ({ id }) => ((models = models.filter((one) => one.spec.id !== id)), EMPTY),
    activity_dismiss: ({ id }) => ((activities = activities.filter((one) => one.id !== id)), EMPTY),
  };

  setTransport({
    async call(name, args) {
      await wait(scene === "slow" ? 1200 : 15);
      if (scene === "error" && name !== "settings_get" && name !== "status") {
        throw new Failure({ code: "internal", message: "The data folder could not be read: the disk does not answer.", hint: "Check the disk and try again." });
      }
      const handler = handlers[name as keyof Commands] as (args: unknown) => unknown;
      return structuredClone(await handler(args));
    },
    async file(id) {
      await wait(scene === "slow" ? 1200 : 15);
      return pdfOf(find(data.TEXTS[id.replace("d-", "")]).chunks);
    },
    events: (_deliver, link) => link("open"),
  });
}
