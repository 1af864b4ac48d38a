/** Models of other servers, where more than one part of the page speaks of them. */
import type { ModelView } from "@/api/types/ModelView";

/** The servers that chat models run on, each once. */
export function remoteHosts(models: readonly ModelView[]): string[] {
  return [...new Set(models.flatMap((one) => (one.spec.remote ? [one.spec.remote.host] : [])))];
}
