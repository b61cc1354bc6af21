import type { Command } from "commander";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { readCheckpoints } from "../../../shared/run/checkpoints.ts";
import { taskState } from "../../../shared/run/end.ts";
import { escalationsOf } from "../../../shared/run/escalate.ts";
import { handoffOf } from "../../../shared/run/handoff.ts";
import { listRunIds, requireRun } from "../../../shared/run/store.ts";
import { comeBy } from "../come-by.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { reportJson } from "../report-json.ts";

/** `handrail show [RUN]`: the report of a run, by default of the newest one. */
export function configure(command: Command): void {
  command
    .argument("[run]", "run id, as `handrail runs` shows it; the newest run without it")
    .addHelpText("after", "\nExample:\n  handrail show r20261121T093012-1a2b3c")
    .action(async (run: string | undefined, options: { json?: boolean }) => {
      const { root } = await openHere();
      await comeBy(root);
      const id = run ?? listRunIds(root).at(-1);
      if (id === undefined) {
        throw new HandrailError("not-found", "no run in this project yet", { fix: "handrail run FILE" });
      }
      const record = requireRun(root, id);
      const report = reportSchema.parse(record);
      const shown = {
        ...reportJson({ ...report, task_state: taskState(record) }),
        handoff: handoffOf(record),
        checkpoints: readCheckpoints(root, id),
        escalations: escalationsOf(root, id),
      };
      const { escalations } = shown;
      const left = escalations.length > 0 ? `\nLeft to whoever ordered it: ${escalations.join(", ")}` : "";
      emit(options, shown, () => `${callbackText(report)}${left}`);
    });
}
