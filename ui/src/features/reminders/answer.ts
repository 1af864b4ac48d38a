/** Answering reminders: they leave the list at once, and come back if the program does not take the answer. */
import { entry } from "@/api/cache.svelte";
import { attempt } from "@/shared/toasts.svelte";

export async function answer(ids: readonly string[], action: () => Promise<unknown>): Promise<void> {
  const list = entry("reminder_list", {});
  list.patch((all) => all.filter(({ reminder }) => !ids.includes(reminder.id)));
  await attempt(action);
  await list.refresh();
}
