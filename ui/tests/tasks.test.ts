import { beforeEach, describe, expect, it } from "vitest";
import type { TaskDraft } from "@/api/types/TaskDraft";
import type { TaskView } from "@/api/types/TaskView";
import { snoozeChoices } from "@/features/reminders/snooze";
import { countOpen, filterOf, idOf } from "@/features/tasks/filters";
import { addOf, chipsOf, masked, movedRanges, survivingSpans, unmasked } from "@/features/tasks/quickAdd";
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
    expect(addOf(draft)).toMatchObject({ title: "call Anna", notes: null, priority: "high", category: "Work", due: draft.due });
  });

  it("hides what was taken back from the reader and gives it back in the user's words", () => {
    const { text, restore } = masked(line, [{ start: 10, end: 23 }, { start: 30, end: 35 }]);
    expect(text).toHaveLength(line.length);
    expect(text).not.toMatch(/tomorrow|Work/);
    expect(text).toContain("!high");
    expect(restore(text)).toBe(line);
    const read = { ...draft, title: text.replace("!high ", ""), due: null, category: null };
    expect(unmasked(read, restore)).toMatchObject({ title: "call Anna tomorrow at 9 #Work", priority: "high" });
  });

  it("hides with letters that the line does not hold", () => {
    const { text, restore } = masked("ᚠᚠ $& tomorrow", [{ start: 3, end: 5 }, { start: 6, end: 14 }]);
    expect(text.slice(0, 3)).toBe("ᚠᚠ ");
    expect(text.slice(3)).not.toContain("ᚠ");
    expect(restore(text)).toBe("ᚠᚠ $& tomorrow");
  });

  it("remembers what was taken back while the line is changed elsewhere, and forgets it when it is changed itself", () => {
    const range = { start: 10, end: 18 };
    expect(movedRanges([range], "call Anna tomorrow", "call Anna tomorrow at 9")).toEqual([range]);
    expect(movedRanges([range], "call Anna tomorrow", "Please call Anna tomorrow")).toEqual([{ start: 17, end: 25 }]);
    expect(movedRanges([range], "call Anna tomorrow", "call Anna tomorow")).toEqual([]);
    expect(movedRanges([range], "call Anna tomorrow", "")).toEqual([]);
  });

  it("keeps the tint of what did not change while more is typed", () => {
    expect(survivingSpans(draft.spans, line, `${line} now`)).toHaveLength(3);
    expect(survivingSpans(draft.spans, line, line.slice(0, 27))).toHaveLength(1);
    expect(survivingSpans(draft.spans, line, `x${line}`)).toHaveLength(0);
  });
});

describe("the chips of a line", () => {
  const EMPTY: TaskDraft = { title: "", notes: "", priority: "normal", category: null, labels: [], deadline: null, remind_before: [], due: null, recurrence: null, spans: [] };
  const spansOf = (line: string, ...pieces: [TaskDraft["spans"][0]["kind"], string][]) =>
    pieces.map(([kind, text]) => ({ kind, start: line.indexOf(text), end: line.indexOf(text) + text.length }));

  it("say each piece in plain words, in the order of the line", () => {
    const line = "pay @home @bank p1 {Dec 5} !30min !2d #Money every Friday // bring it";
    const draft: TaskDraft = {
      ...EMPTY, title: "pay", notes: "bring it", priority: "urgent", category: "Money", labels: ["home", "bank"], deadline: "2026-12-05", remind_before: [30, 2880],
      due: { kind: "date", date: "2026-11-27" }, recurrence: "FREQ=WEEKLY;BYDAY=FR",
      spans: spansOf(line, ["label", "@home"], ["label", "@bank"], ["priority", "p1"], ["deadline", "{Dec 5}"], ["reminder", "!30min"], ["reminder", "!2d"], ["category", "#Money"], ["recurrence", "every Friday"], ["note", "// bring it"]),
    };
    const chips = chipsOf(draft, line, NOW);
    expect(chips.map((chip) => chip.kind)).toEqual(["label", "label", "priority", "deadline", "reminder", "reminder", "category", "recurrence", "note"]);
    expect(chips.map((chip) => chip.text).slice(0, 3)).toEqual(["home", "bank", "Urgent priority"]);
    expect(chips[3]?.text).toMatch(/^Deadline Sat.*5/);
    expect(chips.map((chip) => chip.text).slice(4, 7)).toEqual(["30 minutes before", "2 days before", "Money"]);
    expect(chips[7]?.text).toMatch(/^every Friday, from Fri.*27/);
    setLanguage("zh-CN");
    expect(chipsOf(draft, line, NOW)[4]?.text).toBe("提前 30 分钟");
  });

  it("show the reading chosen of a doubtful day, and offer the other one", () => {
    const line = "pay 11/12 rent";
    const [chip] = chipsOf({ ...EMPTY, due: { kind: "date", date: "2027-11-12" }, spans: spansOf(line, ["when", "11/12"]) }, line, NOW);
    expect(chip?.text).toMatch(/2027/);
    expect(chip?.other?.line).toBe("pay 2027-12-11 rent");
    const iso = "pay 2027-11-12 rent";
    expect(chipsOf({ ...EMPTY, due: { kind: "date", date: "2027-11-12" }, spans: spansOf(iso, ["when", "2027-11-12"]) }, iso, NOW)[0]?.other).toBeNull();
  });

  it("offer the other half of the day where none was said", () => {
    const other = (line: string, words: string, at: string) =>
      chipsOf({ ...EMPTY, due: { kind: "time", at, zone: "Europe/Oslo" }, spans: spansOf(line, ["when", words]) }, line, NOW)[0]?.other?.line;
    expect(other("meet tomorrow at 9", "tomorrow at 9", "2026-11-22T09:00:00")).toBe("meet 2026-11-22 21:00");
    expect(other("明天9点开会", "明天9点", "2026-11-22T09:00:00")).toBe("2026-11-22 21:00开会");
    // Not three in the night.
    expect(other("meet tomorrow at 3", "tomorrow at 3", "2026-11-22T15:00:00")).toBeUndefined();
    expect(other("meet Nov 9 at 21", "Nov 9 at 21", "2026-11-09T21:00:00")).toBeUndefined();
    expect(other("meet tomorrow at 9pm", "tomorrow at 9pm", "2026-11-22T21:00:00")).toBeUndefined();
    expect(other("明天晚上9点开会", "明天晚上9点", "2026-11-22T21:00:00")).toBeUndefined();
    expect(other("meet tomorrow 9:30", "tomorrow 9:30", "2026-11-22T09:30:00")).toBeUndefined();
    expect(other("meet in 9 hours", "in 9 hours", "2026-11-21T21:00:00")).toBeUndefined();
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
