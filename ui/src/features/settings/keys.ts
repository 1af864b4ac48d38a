/** What is said about the keys. */
import type { KeyStatus } from "@/api/types/KeyStatus";
import { language, t } from "@/i18n/index.svelte";

/** What opens the data, in sentences; the weakest is said plainly. */
export function byWhat(status: KeyStatus): string {
  const said = [];
  if (status.keyring) said.push(t("keys.byKeyring", { name: status.keyring }));
  else if (status.passphrase) said.push(t("keys.byPassphrase"));
  if (status.file) said.push(t("keys.byFile"));
  else if (status.exposed) said.push(t("keys.exposed"));
  said.push(t(status.recovery ? "keys.withRecovery" : "keys.withoutRecovery"));
  return said.join(language() === "zh-CN" ? "" : " ");
}
