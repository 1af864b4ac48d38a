import { beforeEach, describe, expect, it } from "vitest";
import type { TaskDraft } from "@/api/types/TaskDraft";
import type { TaskView } from "@/api/types/TaskView";
import { snoozeChoices } from "@/features/reminders/snooze";
import { countOpen, filterOf, idOf } from "@/features/tasks/filters";
import { addOf, survivingSpans } from "@/features/tasks/quickAdd";
import { setLanguage } from "@/i18n/index.svelte";
import { dateDue, grouped, repeatText, whenText } from "@/shared/tasks";

const NOW = new Date(2026, 10, 21, 12, 0);

function task(id: string, more: Partial<TaskView["task"]> = {}, view: Partial<TaskView> = {}): TaskView {
  return {
    task: { id, title: id, notes: "", priority: "normal", category: null, labels: [], deadline: null, remind_before: [], due: null, recurrence: null, done_at: null, source: null, created_at: "2026-11-01T00:00:00Z", updated_at: "2026-11-01T00:00:00Z", ...more },
    due_at: null,
    overdue: false,
    ...view,
  };
}
const on = (days: number) => dateDue(new Date(2026, 10, 21 + days));

beforeEach(() => setLanguage("en"));

describe("groups of tasks", () => {
  const tasks = [
    task("none"),
    task("later", { due: on(3) }, { due_at: "2026-11-24T23:59:59Z" }),
    task("today", { due: on(0) }, { due_at: "2026-11-21T23:59:59Z" }),
    task("late", { due: on(-1) }, { due_at: "2026-11-20T23:59:59Z", overdue: true }),
    task("soon", { due: on(1), category: "Work" }, { due_at: "2026-11-22T23:59:59Z" }),
    task("done", { done_at: "2026-11-20T10:00:00Z", due: on(-2) }),
    task("urgent", { due: on(0), priority: "urgent" }, { due_at: "2026-11-21T23:59:59Z" }),
  ];

  it("hold each task once, soonest and most urgent first", () => {
    const groups = grouped(tasks, NOW);
    const ids = Object.fromEntries(Object.entries(groups).map(([name, list]) => [name, list.map((view) => view.task.id)]));
    expect(ids).toEqual({ overdue: ["late"], today: ["urgent", "today"], upcoming: ["soon", "later"], noDate: ["none"], done: ["done"] });
  });

  it("are counted by filter, without what is done", () => {
    expect(countOpen(tasks, { kind: "all" }, NOW)).toBe(6);
    expect(countOpen(tasks, { kind: "today" }, NOW)).toBe(3);
    expect(countOpen(tasks, { kind: "category", name: "Work" }, NOW)).toBe(1);
    expect(countOpen(tasks, { kind: "done" }, NOW)).toBe(0);
  });

  it("are named in the address and back", () => {
    for (const id of [null, "today", "upcoming", "done", "category:工作"]) expect(idOf(filterOf(id))).toBe(id);
  });
});

describe("a due time in words", () => {
  it("is a near day by name and a far one by date", () => {
    expect(whenText(on(0), null, NOW)).toBe("Today");
    expect(whenText(on(1), null, NOW)).toBe("Tomorrow");
    expect(whenText(on(3), null, NOW)).toBe("Tuesday");
    expect(whenText(on(30), null, NOW)).toMatch(/21/);
  });

  it("is set with spaces in Chinese", () => {
    setLanguage("zh-CN");
    expect(whenText(on(30), null, NOW)).toBe("12 月 21 日");
  });
});

describe("a recurrence in words", () => {
  it("says the common rules and admits the rest", () => {
    expect(repeatText("FREQ=DAILY")).toBe("every day");
    expect(repeatText("FREQ=WEEKLY;INTERVAL=2")).toBe("every 2 weeks");
    expect(repeatText("FREQ=WEEKLY;BYDAY=FR")).toBe("every Friday");
    expect(repeatText("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")).toBe("every workday");
    expect(repeatText("FREQ=MINUTELY")).toBe("repeats");
    setLanguage("zh-CN");
    expect(repeatText("FREQ=WEEKLY;BYDAY=MO,TH")).toBe("每周一和周四");
  });
});

describe("the quick-add line", () => {
  const line = "call Anna tomorrow at 9 !high #Work";
  const draft: TaskDraft = {
    title: "call Anna",
    notes: "",
    priority: "high",
    category: "Work",
    labels: [],
    deadline: null,
    remind_before: [],
    due: { kind: "time", at: "2026-11-22T09:00:00", zone: "Europe/Oslo" },
    recurrence: null,
    spans: [
      { kind: "when", start: 10, end: 23 },
      { kind: "priority", start: 24, end: 29 },
      { kind: "category", start: 30, end: 35 },
    ],
  };

  it("adds what was understood", () => {
    expect(addOf(line, draft, new Set())).toMatchObject({ title: "call Anna", priority: "high", category: "Work", due: draft.due });
  });

  it("leaves words in the title that were not meant so", () => {
    expect(addOf(line, draft, new Set(["when"] as const))).toMatchObject({ title: "call Anna tomorrow at 9", due: null, priority: "high" });
    expect(addOf(line, draft, new Set(["priority", "category"] as const))).toMatchObject({ title: "call Anna !high #Work", priority: "normal", category: null });
  });

  it("keeps the tint of what did not change while more is typed", () => {
    expect(survivingSpans(draft.spans, line, `${line} now`)).toHaveLength(3);
    expect(survivingSpans(draft.spans, line, line.slice(0, 27))).toHaveLength(1);
    expect(survivingSpans(draft.spans, line, `x${line}`)).toHaveLength(0);
  });
});

describe("snoozing", () => {
  const names = (now: Date) => snoozeChoices(now).map((one) => one.choice);

  it("offers tonight only while there is day before it", () => {
    expect(names(new Date(2026, 10, 21, 10))).toEqual(["minutes10", "hour", "tonight", "tomorrow"]);
    expect(names(new Date(2026, 10, 21, 18, 30))).toEqual(["minutes10", "hour", "tomorrow"]);
  });

  it("means the coming morning after midnight", () => {
    const choices = snoozeChoices(new Date(2026, 10, 21, 1, 30));
    expect(choices.at(-1)).toMatchObject({ choice: "morning", minutes: 450 });
  });

  it("counts minutes to nine o'clock the next day", () => {
    expect(snoozeChoices(new Date(2026, 10, 21, 10)).at(-1)).toMatchObject({ choice: "tomorrow", minutes: 23 * 60 });
  });
});
