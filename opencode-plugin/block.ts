import { join } from "node:path";
import { moveRun } from "../shared/run/move.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { keptBytes } from "../shared/run/report.ts";
import { runDir } from "../shared/run/store.ts";
import type { Refusal } from "../shared/scope/decision.ts";
import { quote } from "../shared/scope/quote.ts";
import type { Audit } from "../shared/tree/audit.ts";
import { quarantine } from "../shared/tree/quarantine.ts";

/**
 * Blocks a run for what changed out of its scope; the bytes are kept, and nothing is put back.
 * @returns the run as it is now, and what every further write is refused with; undefined where nothing did
 */
export function blockFor(
  record: RunRecord,
  outOfScope: Audit["outOfScope"],
): { record: RunRecord; refusal: Refusal; detail: string } | undefined {
  const [first] = outOfScope;
  if (!first) return undefined;
  const { root, run_id } = record;
  const kept = quarantine(join(runDir(root, run_id), "quarantine"), root, outOfScope);
  const more = outOfScope.length > 1 ? ` and ${outOfScope.length - 1} more` : "";
  const detail = `${quote(first.path)}${more}, outside the task's scope, changed while a command ran`;
  return {
    record: moveRun(record, "blocked", {
      verdict: "violated",
      reasons: [detail],
      quarantine: [...record.quarantine, ...keptBytes(kept)],
    }),
    refusal: { decision: "refuse", code: "blocked", path: first.path, detail },
    detail,
  };
}
