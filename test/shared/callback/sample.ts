import { type CallbackPayload, payloadSchema } from "../../../shared/callback/payload.ts";

export function samplePayload(id: string, more: Partial<CallbackPayload> = {}): CallbackPayload {
  return payloadSchema.parse({
    schema: 1,
    callback_id: id,
    run_id: "r20261121T093012-1a2b3c",
    task_id: "add-retry",
    turn: 1,
    state: "done",
    verdict: "in_scope",
    changes: [
      { path: "src/a.ts", status: "modified", added: 10, deleted: 2, inScope: true, by: "executor" },
      { path: "src/retry.ts", status: "added", added: 30, deleted: 0, inScope: true, by: "executor" },
      { path: "README.md", status: "modified", added: 1, deleted: 1, inScope: false, by: "foreign" },
    ],
    refusals: [{ code: "out-of-scope", path: "src/b.ts", tool: "edit", count: 2 }],
    quarantine: [{ path: "src/c.ts", code: "out-of-scope", bytes: 12 }],
    validation: [{ command: "npm test", exitCode: 0 }],
    usage: { input: 1200, output: 80, cost: 0.0123 },
    session: "ses_1",
    next: "handrail show r20261121T093012-1a2b3c",
    created: "2026-11-21T09:30:12.000Z",
    ...more,
  });
}
