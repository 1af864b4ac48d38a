/** Pretended contents for looking at every state. Only in the dev server; nothing here reaches the product. */
import { civil } from "./mock-tasks";
import type { Citation } from "./types/Citation";
import type { Conversation } from "./types/Conversation";
import type { Document } from "./types/Document";
import type { Message } from "./types/Message";
import type { ModelView } from "./types/ModelView";
import type { Priority } from "./types/Priority";
import type { ReminderView } from "./types/ReminderView";
import type { SourceView } from "./types/SourceView";
import type { TaskView } from "./types/TaskView";

const MINUTE = 60_000;
const DAY = 86_400_000;
export const GB = 1024 ** 3;

export const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

export const TEXTS: Record<string, { name: string; path: string; kind: Document["kind"]; chunks: { text: string; page: number | null; headings: string[] }[] }> = {
  budget: {
    name: "budget-2026.pdf",
    path: "/home/mia/Documents/Projects/budget-2026.pdf",
    kind: "pdf",
    chunks: [
      { page: 1, headings: [], text: "Budget 2026\nPrepared by the finance group, approved on 14 October 2025. All figures in euro, without VAT." },
      { page: 3, headings: [], text: "Personnel is the largest item. Two positions for Vega start in March; the position for Orion is filled from April." },
      { page: 4, headings: [], text: "Project Lyra. The budget of Lyra is 412,000 EUR, of which 260,000 EUR are for personnel and 95,000 EUR for equipment. The remainder is a reserve that the steering group releases." },
      { page: 4, headings: [], text: "Project Vega. The budget of Vega is 189,500 EUR. Half of it depends on the second grant, which is decided in June." },
      { page: 5, headings: [], text: "Reserves. Unused reserves fall back to the common budget at the end of the year and cannot be carried over." },
    ],
  },
  weekly: {
    name: "项目周会纪要.md",
    path: "/home/mia/Documents/会议/项目周会纪要.md",
    kind: "markdown",
    chunks: [
      { page: null, headings: ["项目周会纪要"], text: "项目周会纪要\n时间：11 月 17 日 10:00，参加人：陈静、王磊、Mia。" },
      { page: null, headings: ["项目周会纪要", "Lyra 进展"], text: "Lyra 进展：首轮测试在 12 月 8 日之前完成，由王磊负责。预算仍为 41.2 万欧元，设备采购推迟两周，不影响总额。" },
      { page: null, headings: ["项目周会纪要", "下一步"], text: "下一步：陈静在周五前整理供应商报价；Mia 更新进度表并发给全体成员。" },
    ],
  },
  notes: {
    name: "steering-notes.txt",
    path: "/home/mia/Documents/Projects/steering-notes.txt",
    kind: "text",
    chunks: [
      { page: null, headings: [], text: "Steering group, 3 November. Lyra: the supplier confirmed delivery in week 49. The group releases 20,000 EUR of the reserve for test hardware." },
      { page: null, headings: [], text: "Vega: decision on the second grant moved to the June meeting. No new positions before that." },
    ],
  },
};

export function citation(number: number, key: keyof typeof TEXTS, chunk: number, used = true): Citation {
  const document = TEXTS[key];
  const piece = document?.chunks[chunk];
  if (!document || !piece) throw new Error(`no such passage: ${key} ${chunk}`);
  return {
    number,
    document_id: `d-${key}`,
    chunk_id: `${key}-${chunk}`,
    document_name: document.name,
    path: document.path,
    text: piece.text,
    position: { page: piece.page, headings: piece.headings, line: piece.page === null ? 1 + chunk * 4 : null, start: 0, end: 0 },
    used,
  };
}

export function message(conversation: string, id: string, role: Message["role"], text: string, more: Partial<Message> = {}): Message {
  return {
    id,
    conversation_id: conversation,
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
    created_at: ago(5 * MINUTE),
    ...more,
  };
}

export const STATS = { model: "Qwen3 4B Instruct", prompt_tokens: 812, completion_tokens: 48, first_token_ms: 410, total_ms: 4600, tokens_per_second: 11.8, passages_left_out: 0, hurried: false, cut: false, messages_left_out: 0, context_length: 8192 };

export function conversations(): Conversation[] {
  const titles: [string, number][] = [
    ["Budget of Lyra and who releases it", 5 * MINUTE],
    ["周会纪要里的待办事项", 3 * 3_600_000],
    ["Trip to Oslo", 26 * 3_600_000],
    ["论文第三章的修改建议", 28 * 3_600_000],
    ["Explain borrow checking with an example from my notes", 3 * DAY],
    ["Supplier offers compared", 5 * DAY],
    ["Rental contract: notice period", 20 * DAY],
    ["租房合同里的押金条款", 40 * DAY],
  ];
  return titles.map(([title, age], index) => ({ id: `c${index + 1}`, title, named: false, created_at: ago(age), updated_at: ago(age) }));
}

export function messages(): Record<string, Message[]> {
  return {
    c1: [
      message("c1", "m1", "user", "What is the budget of Lyra, and who can release the reserve?"),
      message(
        "c1",
        "m2",
        "assistant",
        "The budget of Lyra is **412,000 EUR** [1]. Of this, 260,000 EUR are for personnel and 95,000 EUR for equipment [1].\n\nThe reserve is released by the steering group. In November it released 20,000 EUR for test hardware [2].",
        { stats: { ...STATS, passages_left_out: 2, hurried: true }, citations: [citation(1, "budget", 2), citation(2, "notes", 0), citation(3, "weekly", 1, false), citation(4, "budget", 3, false)] },
      ),
      message("c1", "m3", "user", "Show me how I would add that up in Python."),
      message(
        "c1",
        "m4",
        "assistant",
        "The remainder follows from the three figures [1]:\n\n```python\nbudget = 412_000\nspent = {\"personnel\": 260_000, \"equipment\": 95_000}\n\n# what is left is the reserve\nreserve = budget - sum(spent.values())\nprint(f\"{reserve:,} EUR\")  # 57,000 EUR\n```\n\n| Item | EUR |\n|---|---|\n| Personnel | 260,000 |\n| Equipment | 95,000 |\n| Reserve | 57,000 |\n\n- The reserve falls back to the common budget at the end of the year.\n- It cannot be carried over.",
        { stats: STATS, citations: [citation(1, "budget", 2)] },
      ),
      message("c1", "m5", "user", "Remind me tomorrow at 9 to ask the steering group about it"),
      message("c1", "m6", "assistant", "Ask the steering group about the reserve", { kind: "task", task_id: "t3" }),
    ],
    c2: [
      message("c2", "z1", "user", "Lyra 的首轮测试什么时候完成？谁负责？"),
      message("c2", "z2", "assistant", "首轮测试在 **12 月 8 日之前**完成，由王磊负责 [1]。设备采购推迟了两周，但预算总额不变，仍为 41.2 万欧元 [1]。", {
        stats: STATS,
        citations: [citation(1, "weekly", 1), citation(2, "weekly", 2, false)],
      }),
      message("c2", "z3", "user", "提醒我周五下午三点把供应商报价发给陈静"),
      message("c2", "z4", "assistant", "把供应商报价发给陈静", { kind: "task", task_id: "t5" }),
    ],
    c3: [
      message("c3", "o1", "user", "When does the train to Oslo leave?"),
      message("c3", "o2", "assistant", "", { kind: "passages", citations: [citation(1, "notes", 0, false), citation(2, "budget", 3, false), citation(3, "weekly", 2, false)] }),
    ],
    c4: [
      message("c4", "p1", "user", "第三章还缺什么？"),
      message("c4", "p2", "assistant", "第三章的实验部分", { state: "failed", error: "The model stopped while it was writing: there was not enough memory for this conversation.", stats: null }),
      message("c4", "p3", "user", "换个说法再试一次"),
      message("c4", "p4", "assistant", "实验部分还缺少对照组的说明，以及", { state: "stopped", stats: STATS }),
    ],
  };
}

function task(id: string, title: string, priority: Priority, days: number | null, more: Partial<TaskView["task"]> = {}, time: string | null = null): TaskView {
  const date = days === null ? null : new Date(Date.now() + days * DAY);
  const pad = (value: number) => String(value).padStart(2, "0");
  const civil = date && `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const at = civil && time ? new Date(`${civil}T${time}:00`) : civil ? new Date(`${civil}T23:59:59`) : null;
  return {
    task: {
      id,
      title,
      notes: "",
      priority,
      category: null,
      section: null,
      labels: [],
      deadline: null,
      remind_before: [],
      estimate_minutes: null,
      parent: null,
      due: civil ? (time ? { kind: "time", at: `${civil}T${time}:00`, zone: Intl.DateTimeFormat().resolvedOptions().timeZone } : { kind: "date", date: civil }) : null,
      recurrence: null,
      repeat_from: "schedule",
      skipped: [],
      done_at: null,
      source: null,
      created_at: ago(DAY),
      updated_at: ago(DAY),
      ...more,
    },
    due_at: at?.toISOString() ?? null,
    overdue: at !== null && at.getTime() < Date.now() && !more.done_at,
  };
}

export function tasks(): TaskView[] {
  return [
    task("t1", "Send the corrected invoice to Nordlys AS", "high", -2, { category: "Work", labels: ["invoices", "email"], notes: "The VAT number was missing. Copy to accounts@nordlys.no.", deadline: civil(1), remind_before: [30] }, "16:00"),
    task("t2", "给牙医打电话改约时间", "normal", -1, { category: "生活", labels: ["电话"] }),
    task("t4", "Water the plants", "low", 0, { recurrence: "FREQ=WEEKLY;BYDAY=MO,TH", labels: ["balcony"] }, "23:30"),
    task("t6", "Sign the rental contract before the office closes", "urgent", 0, { category: "Home", notes: "Second floor, room 214. Bring the passport.", deadline: civil(0), remind_before: [60, 1440] }, "23:45"),
    task("t13", "Read clause 7 once more", "normal", null, { category: "Home", parent: "t6", estimate_minutes: 20 }),
    task("t14", "Copy the passport", "normal", null, { category: "Home", parent: "t6", done_at: ago(DAY) }),
    task("t3", "Ask the steering group about the reserve", "normal", 1, { category: "Work", source: { conversation_id: "c1", message_id: "m5" } }, "09:00"),
    task("t5", "把供应商报价发给陈静", "high", 3, { category: "工作", labels: ["邮件"], deadline: civil(5), source: { conversation_id: "c2", message_id: "z3" } }, "15:00"),
    task("t7", "Weekly report", "normal", 5, { category: "Work", section: "Reports", estimate_minutes: 90, recurrence: "FREQ=WEEKLY;BYDAY=FR" }, "16:00"),
    task("t8", "Renew the domain", "low", 40, { deadline: civil(44), remind_before: [10_080] }),
    task("t9", "Read the chapter about borrow checking again and write down three examples that are not in the book", "normal", null, { category: "Learning" }),
    task("t10", "整理书架", "low", null),
    task("t11", "Book the train to Oslo", "normal", -3, { done_at: ago(DAY), category: "Home" }),
    task("t12", "交水电费", "normal", -4, { done_at: ago(2 * DAY) }),
  ];
}

export function sources(): SourceView[] {
  const source = (id: string, path: string, documents: number, more: Partial<SourceView> = {}, is_folder = true): SourceView => ({
    source: { id, path, is_folder, added_at: ago(9 * DAY) },
    documents,
    indexed: documents - (more.pending ?? 0) - (more.failed ?? 0),
    pending: 0,
    failed: 0,
    problem: null,
    ...more,
  });
  return [
    source("s1", "/home/mia/Documents/Projects", 128, { failed: 3 }),
    source("s2", "/home/mia/Documents/会议", 46),
    source("s3", "/home/mia/Papers and books", 312, { pending: 97 }),
    source("s4", "/media/usb/archive", 20, { problem: "The folder is not there now. It is read again when it comes back." }),
    source("s5", "/home/mia/Downloads/rental-contract.pdf", 1, {}, false),
  ];
}

const NAMES = ["Quarterly report", "Meeting notes", "Grant proposal", "供应商报价单", "Travel plan", "读书笔记", "Lecture 04 ownership", "实验记录", "Interview questions", "Warranty"];

export function documents(count: number): Document[] {
  const base: Document = {
    id: "",
    source_id: "s1",
    path: "",
    name: "",
    kind: "pdf",
    size: 482_133,
    modified_at: ago(2 * DAY),
    content_hash: "",
    state: "indexed",
    reason: null,
    chunks: 12,
    pages: 4,
    reader: "pdf-extract",
    indexed_at: ago(DAY),
  };
  const real = Object.entries(TEXTS).map(([key, value], index): Document => ({
    ...base,
    id: `d-${key}`,
    name: value.name,
    path: value.path,
    kind: value.kind,
    chunks: value.chunks.length,
    pages: value.kind === "pdf" ? 5 : null,
    modified_at: ago(index * 9 * 3_600_000),
    source_id: key === "weekly" ? "s2" : "s1",
  }));
  const bad: Document[] = [
    { ...base, id: "b1", name: "scan-0231.pdf", path: "/home/mia/Documents/Projects/scans/scan-0231.pdf", state: "no_text", chunks: 0, reason: "The file has pictures of pages but no text. Run text recognition on it and it will be read." },
    { ...base, id: "b2", name: "salaries.pdf", path: "/home/mia/Documents/Projects/salaries.pdf", state: "password_needed", chunks: 0, reason: "The file is locked with a password. Save a copy without one to search it." },
    { ...base, id: "b3", name: "old-export.pdf", path: "/home/mia/Documents/Projects/old/old-export.pdf", state: "failed", chunks: 0, reason: "The file ends in the middle: it was probably not copied completely. Copy it again." },
    { ...base, id: "w1", source_id: "s3", name: "The Rust Book.pdf", path: "/home/mia/Papers and books/The Rust Book.pdf", state: "indexing", chunks: 0, indexed_at: null },
    { ...base, id: "w2", source_id: "s3", name: "深入理解计算机系统.pdf", path: "/home/mia/Papers and books/深入理解计算机系统.pdf", state: "waiting", chunks: 0, indexed_at: null },
  ];
  const filler = Array.from({ length: Math.max(0, count - real.length - bad.length) }, (_, index): Document => {
    const kind = (["pdf", "markdown", "text"] as const)[index % 3] ?? "pdf";
    const name = `${NAMES[index % NAMES.length]} ${index + 1}.${{ pdf: "pdf", markdown: "md", text: "txt" }[kind]}`;
    const folder = ["/home/mia/Documents/Projects", "/home/mia/Documents/会议", "/home/mia/Papers and books"][index % 3];
    return { ...base, id: `f${index}`, source_id: `s${(index % 3) + 1}`, name, path: `${folder}/${name}`, kind, modified_at: ago(index * 11 * 3_600_000), pages: kind === "pdf" ? 7 : null };
  });
  return [...real, ...bad, ...filler];
}

export function models(): ModelView[] {
  const model = (id: string, name: string, size: number, more: Partial<ModelView["spec"]>, view: Partial<ModelView> = {}): ModelView => ({
    spec: { id, name, role: "chat", format: "gguf", path: `/home/mia/models/${id}.gguf`, size, architecture: "qwen3", context_length: 8192, context_limit: 32_768, dimensions: 0, memory_needed: size * 1.35, licence: "Apache-2.0", bundled: false, backend: null, tools: false, remote: null, calibration: null, settings: { context: null, temperature: null, top_p: null, quantisation: null, template: null }, ...more },
    state: "available",
    problem: null,
    stats: null,
    backend: null,
    context: more.context_length ?? 8192,
    fits: true,
    calibration: null,
    fastest: null,
    chosen: false,
    downloaded: true,
    ...view,
  });
  return [
    model("molt-tiny", "Molt Tiny", 7.4 * 1024 ** 2, { bundled: true, context_length: 2048, licence: "MIT" }),
    model("qwen3-4b", "Qwen3 4B Instruct", 2.5 * GB, {}, {
      state: "loaded",
      chosen: true,
      stats: { id: "qwen3-4b", memory: 3.1 * GB, generations: 14, last_prompt_tokens_per_second: 96, last_tokens_per_second: 11.8, restarts: 0 },
    }),
    model("llama-8b", "Llama 3.1 8B Instruct", 4.9 * GB, { architecture: "llama", licence: "Llama 3.1 Community", context_limit: 131_072 }),
    model("mistral-24b", "Mistral Small 24B", 14.3 * GB, { architecture: "llama", context_limit: 32_768 }, { fits: false }),
    model("broken", "phi-experimental", 1.1 * GB, { architecture: "phi9", licence: null }, { state: "failed", problem: "This model has the architecture “phi9”, which Moltworker cannot run. Choose a Llama, Qwen or Mistral model." }),
    model("far", "Big model", 0, { format: "remote", path: "", architecture: "", licence: null, remote: { url: "https://api.example.com/v1", host: "api.example.com", model: "big-1", vision: false } }),
    model("minilm", "all-MiniLM-L6-v2", 91 * 1024 ** 2, { role: "embedder", format: "safetensors", architecture: "bert", context_length: 256, path: "/home/mia/models/all-MiniLM-L6-v2" }, {
      state: "loaded",
      stats: { id: "minilm", memory: 140 * 1024 ** 2, generations: 0, last_prompt_tokens_per_second: 0, last_tokens_per_second: 0, restarts: 0 },
    }),
  ];
}

export function reminders(): ReminderView[] {
  const all = tasks();
  const of = (id: string, at: string, late: boolean): ReminderView => {
    const view = all.find((one) => one.task.id === id);
    if (!view) throw new Error(`no such task: ${id}`);
    return { reminder: { id: `r-${id}`, task_id: id, at, state: "shown", late }, task: view.task };
  };
  return [of("t3", ago(4 * MINUTE), false), of("t2", ago(20 * 3_600_000), true)];
}
