/** The pretended program's keys. Not part of the product. */
import { deliver, Failure } from "./backend";
import type { Answer, CommandName, Request } from "./commands";
import type { KeyStatus } from "./types/KeyStatus";

type Handlers = { [N in CommandName & (`key_${string}` | "data_restore")]: (args: Request<N>) => Answer<N> };

const CODE = "7K3QX-M2ZP4-0HTRA-9WVCB-5DN8E-J6YGS-4F1KQ-XR7M2";

export function pretendKeys(scene: string | null): Handlers {
  let passphrase: string | null = scene === "locked" ? "four words of mine" : null;
  const status: KeyStatus = { locked: scene === "locked", problem: null, keyring: null, passphrase: passphrase !== null, recovery: false, file: passphrase === null, exposed: true, recovered: false, copy: null };
  const change = (next: Partial<KeyStatus>): KeyStatus => {
    Object.assign(status, next);
    setTimeout(() => deliver({ topic: "keys_changed" }));
    return status;
  };
  const authorize = (given: string | null) => {
    if (passphrase !== null && given !== passphrase) throw new Failure({ code: "invalid", message: "This is not the passphrase." });
  };
  return {
    key_status: () => status,
    key_unlock: ({ passphrase: given, recovery_code }) => {
      if (recovery_code === null) authorize(given);
      else if (recovery_code !== CODE) throw new Failure({ code: "invalid", message: "Group 1 of the recovery code has a typing mistake." });
      return change({ locked: false });
    },
    key_lock: () => {
      if (passphrase === null) throw new Failure({ code: "invalid", message: "Choose a passphrase first; without one there is nothing to unlock with." });
      return change({ locked: true });
    },
    key_touch: () => ({}),
    key_set_passphrase: ({ old, new: next, asks_at_start }) => {
      authorize(old);
      if (next.length < 8) throw new Failure({ code: "invalid", message: "The passphrase is too short; choose at least 8 characters, for example four words." });
      passphrase = next;
      return change({ passphrase: true, file: false, keyring: asks_at_start ? null : status.keyring });
    },
    key_remove_passphrase: ({ passphrase: given }) => {
      authorize(given);
      passphrase = null;
      return change({ passphrase: false, file: status.keyring === null });
    },
    key_use_keyring: ({ passphrase: given }) => {
      authorize(given);
      return change({ keyring: "Secret Service", file: false });
    },
    key_recovery_new: ({ passphrase: given }) => {
      authorize(given);
      change({ recovery: true });
      return { code: CODE };
    },
    data_restore: () => {
      if (status.copy === null) throw new Failure({ code: "invalid", message: "The data is not known to be damaged, so nothing was put back." });
      return change({ locked: false, problem: null, copy: null });
    },
    key_rotate: ({ passphrase: given }) => {
      authorize(given);
      change({ exposed: status.file });
      return { code: status.recovery ? CODE : null };
    },
  };
}
