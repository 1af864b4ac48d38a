/** For how long a reminder can be put off, from now. Minutes, rounded to the next full minute. */
export type SnoozeChoice = "minutes10" | "hour" | "tonight" | "morning" | "tomorrow";

const EVENING_HOUR = 19;
const MORNING_HOUR = 9;
const NIGHT_ENDS = 5;

function minutesUntil(then: Date, now: Date): number {
  return Math.ceil((then.getTime() - now.getTime()) / 60_000);
}

/** The choices that make sense at this hour; "tonight" only while there is still some day before it. */
export function snoozeChoices(now: Date): { choice: SnoozeChoice; minutes: number; at: Date }[] {
  const at = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const after = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
  const choices: { choice: SnoozeChoice; minutes: number; at: Date }[] = [
    { choice: "minutes10", minutes: 10, at: after(10) },
    { choice: "hour", minutes: 60, at: after(60) },
  ];
  const tonight = at(0, EVENING_HOUR);
  if (minutesUntil(tonight, now) > 60) choices.push({ choice: "tonight", minutes: minutesUntil(tonight, now), at: tonight });
  // After midnight people mean the morning that follows this night's sleep.
  const night = now.getHours() < NIGHT_ENDS;
  const morning = at(night ? 0 : 1, MORNING_HOUR);
  choices.push({ choice: night ? "morning" : "tomorrow", minutes: minutesUntil(morning, now), at: morning });
  return choices;
}
