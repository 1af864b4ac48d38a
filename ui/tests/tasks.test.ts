import { beforeEach, describe, expect, it } from "vitest";
import type { TaskDraft } from "@/api/types/TaskDraft";
import type { TaskView } from "@/api/types/TaskView";
import { snoozeChoices } from "@/features/reminders/snooze";
import { addMonths, monthOf, room, weekOf } from "@/features/tasks/calendar";
import { counts, countOf, filterOf, found, idOf } from "@/features/tasks/filters";
import { expected, nextMonday, onDay } from "@/features/tasks/move";
import { parentNamed, partsOf, progressOf } from "@/features/tasks/parts";
import { addOf, chipsOf, masked, movedRanges, survivingSpans, unmasked } from "@/features/tasks/quickAdd";
import { byDay, itemsOf, sectionsOf } from "@/features/tasks/sections";
import { setLanguage } from "@/i18n/index.svelte";
import { beforeText, dateDue, deadlineText, estimateText, grouped, repeatChoices, repeatText, sectionNames, whenText } from "@/shared/tasks";

const NOW = new Date(2026, 10, 21, 12, 0);

function task(id: string, more: Partial<TaskView["task"]> = {}, view: Partial<TaskView> = {}): TaskView {
  return {
    task: { id, title: id, notes: "", priority: "normal", category: null, section: null, labels: [], deadline: null, remind_before: [], estimate_minutes: null, parent: null, due: null, recurrence: null, repeat_from: "schedule", skipped: [], done_at: null, source: null, created_at: "2026-11-01T00:00:00Z", updated_at: "2026-11-01T00:00:00Z", ...more },
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
    task("soon", { due: on(1), category: "Work", labels: ["home"] }, { due_at: "2026-11-22T23:59:59Z" }),
    task("done", { done_at: "2026-11-20T10:00:00Z", due: on(-2) }),
    task("urgent", { due: on(0), priority: "urgent" }, { due_at: "2026-11-21T23:59:59Z" }),
  ];

  it("hold each task once, soonest and most urgent first", () => {
    const groups = grouped(tasks, NOW);
    const ids = Object.fromEntries(Object.entries(groups).map(([name, list]) => [name, list.map((view) => view.task.id)]));
    expect(ids).toEqual({ overdue: ["late"], today: ["urgent", "today"], upcoming: ["soon", "later"], noDate: ["none"], done: ["done"] });
  });

  it("are counted by view in one pass, without what is done", () => {
    const all = counts(tasks, NOW);
    expect(countOf(all, { kind: "all" })).toBe(6);
    expect(countOf(all, { kind: "today" })).toBe(3);
    expect(countOf(all, { kind: "upcoming" })).toBe(2);
    expect(countOf(all, { kind: "category", name: "Work" })).toBe(1);
    expect(countOf(all, { kind: "label", name: "home" })).toBe(1);
    expect(countOf(all, { kind: "done" })).toBe(0);
    expect(all.overdue).toBe(1);
  });

  it("are named in the address and back", () => {
    for (const id of [null, "today", "upcoming", "calendar", "done", "category:工作", "label:a:b"]) expect(idOf(filterOf(id))).toBe(id);
  });
});

describe("a search", () => {
  const tasks = [task("a", { title: "Call Anna", notes: "about the Lease", category: "Home" }), task("b", { title: "给安娜打电话", labels: ["phone"] }), task("c", { title: "Home office", done_at: "2026-11-20T10:00:00Z" })];
  const ids = (query: string) => found(tasks, query).map((view) => view.task.id);

  it("finds words in titles and notes, and categories and labels by their marks", () => {
    expect(ids("anna lease")).toEqual(["a"]);
    expect(ids("安娜")).toEqual(["b"]);
    expect(ids("home")).toEqual(["a", "c"]);
    expect(ids("#home")).toEqual(["a"]);
    expect(ids("@phone")).toEqual(["b"]);
    expect(ids("  ")).toHaveLength(3);
    expect(ids("nothing")).toEqual([]);
  });

  it("stays below a frame or two with ten thousand tasks", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => task(`t${index}`, { title: `Task number ${index}`, due: on(index % 60), labels: [`l${index % 20}`] }));
    const started = performance.now();
    expect(found(many, "number 42").length).toBeGreaterThan(0);
    expect(counts(many, NOW).all).toBe(10_000);
    expect(sectionsOf(many, { kind: "upcoming" }, NOW, false)).toHaveLength(15);
    // Generous: the machine that tests may be busy.
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("the sections of a view", () => {
  const tasks = [
    task("late", { due: on(-1) }, { due_at: "2026-11-20T23:59:59Z", overdue: true }),
    task("today", { due: on(0) }, { due_at: "2026-11-21T23:59:59Z" }),
    task("two", { due: on(2) }, { due_at: "2026-11-23T23:59:59Z" }),
    task("fourteen", { due: on(14) }, { due_at: "2026-12-05T23:59:59Z" }),
    task("fifteen", { due: on(15) }, { due_at: "2026-12-06T23:59:59Z" }),
    task("done", { done_at: new Date(2026, 10, 20, 10).toISOString() }),
    task("older", { done_at: new Date(2026, 10, 2, 10).toISOString() }),
  ];
  const ids = (kind: "all" | "today" | "upcoming" | "done", searching = false) => sectionsOf(tasks, { kind }, NOW, searching).map((section) => [section.id, ...section.views.map((view) => view.task.id)]);

  it("begin with what is overdue, and fold what is done", () => {
    expect(ids("today")).toEqual([["overdue", "late"], ["today", "today"]]);
    expect(ids("all").at(-1)).toEqual(["done", "done", "older"]);
    expect(sectionsOf(tasks, { kind: "all" }, NOW, false).at(-1)?.folds).toBe(true);
    expect(sectionsOf(tasks, { kind: "today" }, NOW, true).at(-1)?.folds).toBe(false);
  });

  it("are days for two weeks, then later", () => {
    expect(ids("upcoming")).toEqual([["2026-11-23", "two"], ["2026-12-05", "fourteen"], ["later", "fifteen"]]);
  });

  it("of what is done are the days on which it was done", () => {
    expect(ids("done")).toEqual([["2026-11-20", "done"], ["2026-11-02", "older"]]);
    expect(sectionsOf(tasks, { kind: "done" }, NOW, false)[0]?.title).toBe("Yesterday");
  });

  it("are one row for the list, without what is folded", () => {
    const sections = sectionsOf(tasks, { kind: "all" }, NOW, false);
    const items = itemsOf(sections, (section) => !section.folds);
    expect(items.map((item) => item.id)).toContain("head:done");
    expect(items.map((item) => item.id)).not.toContain("done");
    expect(items.findLast((item) => item.kind === "task")).toMatchObject({ id: "fifteen", place: 5 });
  });
});

describe("tasks that are parts of others", () => {
  const tasks = [
    task("trip", { due: on(0) }, { due_at: "2026-11-21T23:59:59Z" }),
    task("call", { due: on(0), priority: "urgent" }, { due_at: "2026-11-21T23:59:59Z" }),
    task("ticket", { parent: "trip", due: on(0) }, { due_at: "2026-11-21T23:59:59Z" }),
    task("pack", { parent: "trip" }),
    task("socks", { parent: "pack" }),
    task("visa", { parent: "trip", due: on(2) }, { due_at: "2026-11-23T23:59:59Z" }),
    task("map", { parent: "trip", done_at: "2026-11-20T10:00:00Z" }),
    task("alone", { parent: "gone" }),
  ];
  const rows = (kind: "all" | "today") => itemsOf(sectionsOf(tasks, { kind }, NOW, false), () => true).map((item) => (item.kind === "task" ? `${item.id} ${item.depth}` : `# ${item.section.id}`));

  it("stand under them, also when they have no day of their own", () => {
    expect(rows("today")).toEqual(["# today", "call 0", "trip 0", "ticket 1", "pack 1", "socks 2"]);
    expect(rows("all")).toEqual(["# today", "call 0", "trip 0", "ticket 1", "pack 1", "socks 2", "# upcoming", "visa 0", "# noDate", "alone 0", "# done", "map 0"]);
  });

  it("are counted for what they are a part of", () => {
    expect(progressOf(tasks).get("trip")).toEqual({ done: 1, total: 4 });
    expect(progressOf(tasks).get("pack")).toEqual({ done: 0, total: 1 });
    expect(progressOf(tasks).has("socks")).toBe(false);
  });

  it("are found with their own parts", () => {
    expect(partsOf(tasks, "trip").map((view) => view.task.id)).toEqual(["ticket", "pack", "visa", "map", "socks"]);
  });

  it("are never parts of themselves or of what is done", () => {
    const named = (id: string, words: string) => parentNamed(tasks, id, words)?.task.id;
    expect(named("call", " TRIP ")).toBe("trip");
    expect(named("call", "ick")).toBe("ticket");
    expect(named("trip", "socks")).toBeUndefined();
    expect(named("call", "map")).toBeUndefined();
    expect(named("call", "nothing")).toBeUndefined();
  });
});

describe("estimates and sections", () => {
  it("are short", () => {
    expect([20, 60, 90].map(estimateText)).toEqual(["20 min", "1 h", "1 h 30 min"]);
    setLanguage("zh-CN");
    expect(estimateText(90)).toBe("1 小时 30 分钟");
  });

  it("belong to a category", () => {
    const tasks = [task("a", { category: "Work", section: "Later" }), task("b", { category: "Work", section: "Ideas" }), task("c", { section: "Garden" })];
    expect(sectionNames(tasks, "Work")).toEqual(["Ideas", "Later"]);
    expect(sectionNames(tasks, null)).toEqual(["Garden"]);
    expect(found(tasks, "/later").map((view) => view.task.id)).toEqual(["a"]);
  });
});

describe("moving to another day", () => {
  const timed = task("timed", { due: { kind: "time", at: "2026-11-21T09:30:00", zone: "Asia/Tokyo" } }, { due_at: new Date(2026, 10, 21, 1, 30).toISOString() });

  it("keeps the time of day and the zone", () => {
    expect(onDay(timed, new Date(2026, 10, 24)).due).toEqual({ kind: "time", at: "2026-11-24T09:30:00", zone: "Asia/Tokyo" });
    expect(onDay(task("dated", { due: on(0) }), new Date(2026, 11, 1)).due).toEqual({ kind: "date", date: "2026-12-01" });
    expect(onDay(task("bare"), new Date(2026, 11, 1)).due).toEqual({ kind: "date", date: "2026-12-01" });
  });

  it("moves by as many days where the zone of the task has another day than here", () => {
    // 01:00 on the 22nd in its zone is still the 21st here.
    const abroad = task("abroad", { due: { kind: "time", at: "2026-11-22T01:00:00", zone: "Pacific/Auckland" } }, { due_at: new Date(2026, 10, 21, 12).toISOString() });
    expect(onDay(abroad, new Date(2026, 10, 23)).due).toMatchObject({ at: "2026-11-24T01:00:00" });
  });

  it("to no day takes the repetition with it", () => {
    expect(onDay(task("r", { due: on(0), recurrence: "FREQ=DAILY" }), null)).toMatchObject({ due: null, recurrence: null });
  });

  it("knows the next Monday from each day of the week", () => {
    for (let days = 0; days < 7; days += 1) expect(nextMonday(new Date(2026, 10, 23 + days)).getDate()).toBe(30);
  });

  it("expects what the program will say", () => {
    expect(expected(timed, { ...timed.task, due: on(-1) }, NOW)).toMatchObject({ overdue: true });
    expect(expected(timed, { ...timed.task, due: null }, NOW)).toMatchObject({ overdue: false, due_at: null });
    expect(expected(timed, { ...timed.task, title: "x" }, NOW).due_at).toBe(timed.due_at);
  });
});

describe("the calendar", () => {
  it("has whole weeks from Monday that hold the month", () => {
    const weeks = monthOf(new Date(2026, 10, 21));
    expect(weeks).toHaveLength(6);
    expect(weeks[0]?.[0]).toEqual(new Date(2026, 9, 26));
    expect(weeks.at(-1)?.[6]).toEqual(new Date(2026, 11, 6));
    expect(monthOf(new Date(2027, 1, 10))).toHaveLength(4);
    expect(weekOf(new Date(2026, 10, 22)).map((date) => date.getDate())).toEqual([16, 17, 18, 19, 20, 21, 22]);
  });

  it("turns to the last day of a shorter month", () => {
    expect(addMonths(new Date(2027, 0, 31), 1)).toEqual(new Date(2027, 1, 28));
    expect(addMonths(new Date(2026, 11, 15), 1)).toEqual(new Date(2027, 0, 15));
  });

  it("keeps a line for what has no room", () => {
    expect(room(32 + 3 * 22, 3)).toBe(3);
    expect(room(32 + 3 * 22, 4)).toBe(2);
    expect(room(0, 4)).toBe(0);
  });

  it("holds open tasks on their days, in the order of the day", () => {
    const days = byDay([
      task("late", { due: on(1) }, { due_at: new Date(2026, 10, 22, 23, 59).toISOString() }),
      task("early", { due: { kind: "time", at: "2026-11-22T08:00:00", zone: "UTC" } }, { due_at: new Date(2026, 10, 22, 8).toISOString() }),
      task("done", { due: on(1), done_at: "2026-11-20T10:00:00Z" }),
      task("none"),
    ]);
    expect([...days].map(([id, list]) => [id, ...list.map((view) => view.task.id)])).toEqual([["2026-11-22", "early", "late"]]);
  });
});

describe("times before and repetitions", () => {
  it("are said in the largest unit that fits", () => {
    expect([5, 60, 90, 1440, 2880, 10_080].map(beforeText)).toEqual(["5 minutes before", "1 hour before", "90 minutes before", "1 day before", "2 days before", "1 week before"]);
    setLanguage("zh-CN");
    expect([30, 120].map(beforeText)).toEqual(["提前 30 分钟", "提前 2 小时"]);
  });

  it("offer the weekday of the due day, and the rule it has", () => {
    expect(repeatChoices(on(0), null)).toContain("FREQ=WEEKLY;BYDAY=SA");
    expect(repeatChoices(on(0), "FREQ=DAILY")).toHaveLength(6);
    expect(repeatChoices(null, "FREQ=MONTHLY;BYDAY=-1FR")[0]).toBe("FREQ=MONTHLY;BYDAY=-1FR");
  });

  it("name a deadline within a sentence", () => {
    expect(deadlineText("2026-11-22", NOW)).toBe("by tomorrow");
    expect(deadlineText("2026-11-24", NOW)).toBe("by Tuesday");
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
    expect(repeatText("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1")).toBe("last workday of the month");
    expect(repeatText("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR")).toBe("every month");
    expect(repeatText("FREQ=DAILY;INTERVAL=3", "completion")).toBe("3 days after completion");
    expect(repeatText("FREQ=MONTHLY", "completion")).toBe("1 month after completion");
    expect(repeatText("FREQ=WEEKLY;BYDAY=MO", "completion")).toBe("every Monday, from completion");
    setLanguage("zh-CN");
    expect(repeatText("FREQ=WEEKLY;BYDAY=MO,TH")).toBe("每周一和周四");
    expect(repeatText("FREQ=DAILY;INTERVAL=3", "completion")).toBe("完成后 3 天");
  });
});

describe("the quick-add line", () => {
  const line = "call Anna tomorrow at 9 !high #Work";
  const draft: TaskDraft = {
    title: "call Anna",
    notes: "",
    priority: "high",
    category: "Work",
    section: null,
    labels: [],
    deadline: null,
    remind_before: [],
    estimate_minutes: null,
    due: { kind: "time", at: "2026-11-22T09:00:00", zone: "Europe/Oslo" },
    recurrence: null,
    repeat_from: "schedule",
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
  const EMPTY: TaskDraft = { title: "", notes: "", priority: "normal", category: null, section: null, labels: [], deadline: null, remind_before: [], estimate_minutes: null, due: null, recurrence: null, repeat_from: "schedule", spans: [] };
  const spansOf = (line: string, ...pieces: [TaskDraft["spans"][0]["kind"], string][]) =>
    pieces.map(([kind, text]) => ({ kind, start: line.indexOf(text), end: line.indexOf(text) + text.length }));

  it("say each piece in plain words, in the order of the line", () => {
    const line = "pay @home @bank p1 {Dec 5} !30min !2d #Money every Friday /Later ~1h // bring it";
    const draft: TaskDraft = {
      ...EMPTY, title: "pay", notes: "bring it", priority: "urgent", category: "Money", labels: ["home", "bank"], deadline: "2026-12-05", remind_before: [30, 2880], section: "Later", estimate_minutes: 60,
      due: { kind: "date", date: "2026-11-27" }, recurrence: "FREQ=WEEKLY;BYDAY=FR",
      spans: spansOf(line, ["label", "@home"], ["label", "@bank"], ["priority", "p1"], ["deadline", "{Dec 5}"], ["reminder", "!30min"], ["reminder", "!2d"], ["category", "#Money"], ["recurrence", "every Friday"], ["section", "/Later"], ["estimate", "~1h"], ["note", "// bring it"]),
    };
    const chips = chipsOf(draft, line, NOW);
    expect(chips.map((chip) => chip.kind)).toEqual(["label", "label", "priority", "deadline", "reminder", "reminder", "category", "recurrence", "section", "estimate", "note"]);
    expect(chips.map((chip) => chip.text).slice(0, 3)).toEqual(["home", "bank", "Urgent priority"]);
    expect(chips[3]?.text).toMatch(/^Deadline Sat.*5/);
    expect(chips.map((chip) => chip.text).slice(4, 7)).toEqual(["30 minutes before", "2 days before", "Money"]);
    expect(chips[7]?.text).toMatch(/^every Friday, from Fri.*27/);
    expect(chips.slice(8, 10).map((chip) => chip.text)).toEqual(["Later", "Takes 1 h"]);
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
