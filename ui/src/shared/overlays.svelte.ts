/** Which of the window's overlays is open. Several floors open them (a key, the rail, an empty state), so the flags stand here. */
export const overlays = $state({
  palette: false,
  shortcuts: false,
  activity: false,
  /** The dialog that adds files to the library. */
  addPath: false,
  /** The protected document whose password is asked for. */
  unlock: null as { id: string; name: string } | null,
  /** The folder whose files that are not read are listed. */
  skipped: null as { id: string; path: string } | null,
  /** The dialog that imports a model. */
  importModel: false,
  /** Text a new task starts with; null when the dialog is closed. */
  newTask: null as string | null,
  /** On a narrow window the list pane is a sheet over the work pane. */
  list: false,
});

/** What one part of the window asks of another. The counts say "put the caret there"; the texts are taken and set back to null. */
export const wishes = $state({
  search: 0,
  composer: 0,
  /** Search the library for this. */
  query: null as string | null,
  /** Ask this in a new conversation. */
  ask: null as string | null,
});
