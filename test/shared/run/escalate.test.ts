import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { claimAll, inboxDir, peek } from "../../../shared/callback/inbox.ts";
import { listOutbox } from "../../../shared/callback/outbox.ts";
import { ESCALATIONS } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { loadConfig } from "../../../shared/config/config.ts";
import { changeLease, leasesDir, readLeases } from "../../../shared/lock/store.ts";
import { closeTurn } from "../../../shared/run/close.ts";
import { createRun } from "../../../shared/run/create.ts";
import { escalate, escalationOf } from "../../../shared/run/escalate.ts";
import { readEvents } from "../../../shared/run/events.ts";
import { takeLease } from "../../../shared/run/lease.ts";
import { moveRun } from "../../../shared/run/move.ts";
import { reap } from "../../../shared/run/reap.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import { saveRun } from "../../../shared/run/store.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { samplePayload } from "../callback/sample.ts";
import { place, type TestRepo } from "../tree/fixture.ts";

let repo: TestRepo;
let inbox: string;
beforeEach(() => {
  repo = place().repo({ "src/a.ts": "a\n" });
  inbox = inboxDir("session-1");
  vi.stubEnv("CLAUDECODE", "");
});

/** A run of a packet, or of a task file, that a session has ordered. */
function ordered(kind: "packet" | "task file" = "packet", more: Partial<RunRecord> = {}): RunRecord {
  const file = kind === "packet" ? "packets/P.json" : "opencode_tasks/20261121-p.txt";
  const packet = {
    ...{ packet_version: "v1", task_id: "P", workstream: "feature", owner_agent: "fullstack" },
    ...{ session_key: "coding:P", objective: "Work", acceptance: ["AC1"] },
    scope: { file_paths: ["src/a.ts"], module_boundaries: ["p"] },
    validation: { commands: [] },
  };
  for (const folder of ["packets", "opencode_tasks"]) mkdirSync(join(repo.root, folder), { recursive: true });
  const text = kind === "packet" ? JSON.stringify(packet) : "Work\n\nFiles to modify:\n- src/a.ts\n";
  writeFileSync(join(repo.root, file), text);
  const spec = loadTask(file, repo.root);
  const origin = { session_id: "session-1", inbox };
  const queued = createRun({ root: repo.root, spec, taskFile: file, lane: "cli", origin });
  const record = { ...queued, ...more };
  saveRun(record);
  return record;
}

const escalated = () => peek(inbox).filter((id) => id.includes("-e-"));
const failed = (code: string, message = "503 Service Unavailable") => ({
  outcome: "error" as const,
  error: { code, message },
});

test.each(ESCALATIONS)("%s is told in a few lines: what, why, and what there is to decide", (reason) => {
  const escalation = { reason, message: "m".repeat(3000), words: "w\u202e\n".repeat(500) };
  const text = callbackText(samplePayload("c1", { kind: "escalation", state: "running", escalation }));
  expect(text).toMatch(
    /^Handrail: ESCALATION \(\w+\): OpenCode's run r20261121T093012-1a2b3c of task "add-retry" .+\. \[c1\]\n/,
  );
  expect(text).toContain(`(${reason})`);
  expect(text).toContain("Yours to decide: ");
  expect(text.length).toBeLessThan(1200);
  expect(text).not.toContain("\u202e");
});

test.each<[name: string, end: Parameters<typeof closeTurn>[1], reason: string | undefined]>([
  ["a lease was waited for too long", failed("lease-wait", "waited 10 min"), "lease_wait"],
  ["another run has what it needs", failed("busy"), "conflict_unresolved"],
  ["context is missing", { outcome: "aborted", error: failed("missing_context").error }, "missing_context"],
  ["it drifted", { outcome: "aborted", error: failed("scope_drift").error }, "scope_drift"],
  ["it failed for the first time", failed("APIError"), undefined],
  ["it failed of what no try mends", failed("ProviderAuthError"), undefined],
  ["it was aborted by a person", { outcome: "aborted" }, undefined],
])("a packet that ends because %s", async (_name, end, reason) => {
  const run = ordered();
  const closed = await closeTurn(run, end);
  expect(escalated()).toEqual(reason ? [`${run.run_id}-t0-e-${reason}`] : []);
  expect(escalationOf(closed)?.reason).toBe(reason);
  // Whoever finds the turn unfinished closes it again: it is told once.
  await closeTurn(run, end);
  const { callbacks, told } = claimAll([inbox]);
  told();
  await closeTurn(run, end);
  expect(escalated()).toEqual([]);
  expect(callbacks.map((one) => one.kind).sort()).toEqual(reason ? ["end", "escalation"] : ["end"]);
  expect(readEvents(repo.root, run.run_id).filter((one) => one.type === "escalation")).toHaveLength(
    reason ? 1 : 0,
  );
});

test("tries that are used up are escalated, and neither one that may be repeated nor a task file's", async () => {
  const first = ordered();
  await closeTurn(first, failed("APIError"));
  expect(escalated()).toEqual([]);
  const second = ordered("packet", { retry_of: first.run_id });
  await closeTurn(second, failed("APIError"));
  expect(escalated()).toEqual([`${second.run_id}-t0-e-retries_exhausted`]);
  await closeTurn(ordered("task file", { retry_of: first.run_id }), failed("APIError"));
  expect(escalated()).toHaveLength(1);
});

test("an escalation goes to the caller's address, too, under a key of its own, and outlives the turn's notes", async () => {
  const env = { ...process.env, HANDRAIL_CALLBACK_TOKEN: "tok-5ecretValue.42" };
  const origin = { session_id: "session-1", inbox, callback: { target: "http:http://127.0.0.1:9/cb" } };
  const run = moveRun(ordered("packet", { origin }), "running", { turn: 1 });
  const escalation = { reason: "conflict_unresolved", message: "held, tok-5ecretValue.42" } as const;
  escalate(run, escalation, env);
  escalate(run, { ...escalation, message: "again" }, env);
  expect(listOutbox(repo.root)).toMatchObject([
    {
      payload: {
        kind: "escalation",
        callback_id: `${run.run_id}-t1-e-conflict_unresolved`,
        state: "running",
      },
      targets: [
        { target: `inbox:${inbox}`, state: "delivered" },
        { target: "http:http://127.0.0.1:9/cb", state: "pending" },
      ],
    },
  ]);
  await closeTurn(run, { outcome: "idle" }, {});
  expect(escalated()).toEqual([`${run.run_id}-t1-e-conflict_unresolved`]);
  const { callbacks, told } = claimAll([inbox]);
  told();
  const told1 = callbacks.find((one) => one.kind === "escalation");
  expect(told1?.escalation?.message).toBe("held, ***");
});

test("a report that nobody confirms in time: whoever ordered it is told, then its files are free", async () => {
  const run = moveRun(ordered(), "running", { turn: 1 });
  expect(await takeLease(run, loadConfig(repo.root))).toEqual({ ok: true });
  await closeTurn(run, { outcome: "aborted" });
  await reap(repo.root);
  expect(escalated()).toEqual([]);
  const dir = leasesDir(repo.root);
  await changeLease(dir, run.run_id, (lease) => {
    if (!lease.awaiting) throw new Error("the lease does not wait");
    return { ...lease, awaiting: { ...lease.awaiting, until: new Date(Date.now() - 1).toISOString() } };
  });
  // It is in nobody's way any more, and still there to be told of.
  const other = ordered("task file");
  expect(await takeLease(other, loadConfig(repo.root))).toEqual({ ok: true });
  expect(readLeases(dir).map((lease) => lease.run_id)).toContain(run.run_id);
  await reap(repo.root);
  await reap(repo.root);
  expect(escalated()).toEqual([`${run.run_id}-t1-e-lease_unconfirmed`]);
  expect(readLeases(dir).map((lease) => lease.run_id)).toEqual([other.run_id]);
});
