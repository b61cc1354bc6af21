import * as z from "zod";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { escalationsOf } from "../../../shared/run/escalate.ts";
import { STALL_SECONDS } from "../../../shared/run/lifecycle.ts";
import { reap } from "../../../shared/run/reap.ts";
import { projectIdOf } from "../../../shared/state/projects.ts";
import { callbackOf } from "../callback.ts";
import { changesOut, envelopeOut, projectFields, projectOut, runField, runState } from "../fields.ts";
import { lifecycleOf } from "../lifecycle.ts";
import { requireRunOf } from "../project.ts";
import { defineTool, RECORDS } from "../tool.ts";

/** `opencode_run_status` */
export const runStatus = defineTool({
  name: "opencode_run_status",
  title: "Status of a run",
  description:
    "What is on record of a run: its state, what it has changed, how silent it is, what it waits for, and how far its callback has come. Closes a run whose executor is gone.",
  input: z.strictObject({ ...projectFields, run_id: runField }),
  output: z.object({
    ...projectOut,
    run_id: z.string(),
    task_id: z.string(),
    state: runState,
    verdict: z.string().optional(),
    lane: z.enum(["cli", "serve"]),
    session_id: z.string().optional(),
    created: z.string(),
    ended: z.string().optional(),
    /** As the callback has it; for a run that goes on, what is known so far. */
    text: z.string(),
    changes: changesOut,
    reasons: z.array(z.string()),
    lifecycle: z.object({
      last_event: z.string(),
      last_event_at: z.string(),
      stall: z.enum(["none", "soft", "hard"]),
      silent_seconds: z.number(),
      waiting_for: z.array(z.object({ id: z.string().optional(), kind: z.string(), text: z.string() })),
    }),
    callback: z.object({
      callback_id: z.string(),
      state: z.enum(["none", "pending", "delivered", "failed"]),
      targets: z.array(z.object({ target: z.string(), state: z.string(), error: z.string().optional() })),
    }),
    /** What the run leaves to whoever ordered it: told by a callback of its own. */
    escalations: z.array(z.string()),
    envelope: envelopeOut.optional(),
    next: z.string(),
  }),
  annotations: RECORDS,
  async run(asked, { bridge }) {
    const { root } = requireRunOf(bridge, asked.run_id, asked);
    await reap(root, bridge.env);
    const record = requireRunOf(bridge, asked.run_id, { repo_root: root });
    const report = reportSchema.parse(record);
    return {
      ...record,
      project_id: projectIdOf(root),
      repo_root: root,
      ...(record.session === undefined ? {} : { session_id: record.session }),
      text: callbackText(report),
      changes: record.changes.slice(0, 100),
      lifecycle: await lifecycleOf(record, STALL_SECONDS),
      callback: callbackOf(record),
      escalations: escalationsOf(root, record.run_id),
    };
  },
});
