import { expect, test } from "vitest";
import type { Checkpoint } from "../../../shared/run/checkpoint.ts";
import { endCheckpoint, taskState } from "../../../shared/run/end.ts";
import { handoffOf, handoffText } from "../../../shared/run/handoff.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import { isTransient, retriesOf } from "../../../shared/run/transient.ts";
import { isInLanguage } from "../../../shared/text/language.ts";

const PACKET: NonNullable<RunRecord["spec"]["packet"]> = {
  packet_version: "v1",
  task_id: "PAY-1",
  workstream: "feature",
  owner_agent: "fullstack",
  session_key: "coding:PAY-1",
  objective: "o",
  scope: { file_paths: ["src/a.ts"], module_boundaries: ["pay"] },
  validation: { commands: ["npm test"], must_include: ["test evidence", "changed files"] },
  checkpoint_plan: { required_events: ["start", "mid", "done_or_blocked"] },
  retry_abort: { max_retries: 1, abort_on: ["conflict_unresolved", "scope_drift"] },
};

function run(more: Partial<RunRecord> = {}, packet: typeof PACKET | null = PACKET): RunRecord {
  return {
    schema: 1,
    run_id: "r20261121T000000-000000",
    task_id: "pay",
    state: "done",
    verdict: "in_scope",
    changes: [{ path: "src/a.ts", status: "modified", inScope: true, by: "executor" }],
    refusals: [],
    quarantine: [],
    validation: [{ command: "npm test", exitCode: 0 }],
    reasons: [],
    next: "",
    lane: "cli",
    root: "/r",
    spec: {
      ok: true,
      source: packet ? "packet" : "task-file",
      slug: "pay",
      title: "t",
      scope: { allow: ["src/a.ts"], inspect: [], forbid: [], rules: [], noRead: [] },
      prohibitions: [],
      validation: ["npm test"],
      errors: [],
      warnings: [],
      ...(packet && { packet }),
    },
    spec_hash: "",
    around: { caseInsensitive: false, kinds: {} },
    origin: {},
    turn: 1,
    created: "",
    ...more,
  };
}

const earlier = (...kinds: Checkpoint["kind"][]): Checkpoint[] =>
  kinds.map((kind) => ({ ...endCheckpoint(run(), []), kind }));
const BOTH = earlier("START", "MID");

test("an END report is complete with its checkpoints and its evidence, and only then is a packet done", () => {
  const end = endCheckpoint(run(), BOTH);
  expect(end).toMatchObject({
    task_id: "PAY-1",
    state: "done",
    files_changed: ["src/a.ts"],
    tests_run: [{ command: "npm test", result: "passed" }],
    risks: [],
    blockers: [],
    lock_release_request: true,
    complete: true,
    missing: [],
  });
  expect(endCheckpoint(run(), earlier("START"))).toMatchObject({
    state: "checkpoint_needed",
    complete: false,
    missing: ["MID checkpoint: not on record"],
  });
  expect(endCheckpoint(run({ validation: [{ command: "npm test", reason: "killed" }] }), BOTH)).toMatchObject(
    {
      state: "checkpoint_needed",
      missing: ["npm test: it did not run", "test evidence: no validation command ran"],
    },
  );
  expect(endCheckpoint(run({ changes: [] }), BOTH).missing).toEqual(["changed files: no file was changed"]);
});

test.each<[string, Partial<RunRecord>, string]>([
  ["a run that waits", { state: "queued" }, "queued"],
  ["a run at work", { state: "awaiting_permission" }, "running"],
  ["a failed test", { validation: [{ command: "npm test", exitCode: 2 }] }, "failed"],
  ["a failed run", { state: "failed" }, "failed"],
  ["an aborted run", { state: "aborted" }, "aborted"],
  ["a lease in the way", { state: "failed", error: { code: "busy", message: "" } }, "blocked_conflict"],
  ["scope drift, where the packet aborts on it", { state: "blocked", verdict: "violated" }, "aborted"],
  [
    "a write to what another run holds, where the packet aborts on it",
    { refusals: [{ code: "leased", path: "x", count: 1 }] },
    "blocked_conflict",
  ],
])("%s", (_name, more, state) => {
  expect(endCheckpoint(run(more), BOTH).state).toBe(state);
});

test("a task file needs no report: it is done when its run is", () => {
  const plain = run({}, null);
  expect(taskState(plain)).toBe("done");
  expect(taskState({ ...plain, state: "blocked", verdict: "violated" })).toBe("failed");
});

test("only what may pass is tried again, and only for packets", () => {
  const failed = (code: string, message: string) => run({ state: "failed", error: { code, message } });
  expect(isTransient(failed("APIError", "503 Service Unavailable"))).toBe(true);
  expect(isTransient(failed("UnknownError", "The operation timed out"))).toBe(true);
  expect(isTransient(failed("busy", "connection"))).toBe(false);
  expect(isTransient(failed("ProviderAuthError", "401"))).toBe(false);
  expect(isTransient(failed("APIError", "no such model"))).toBe(false);
  expect(isTransient({ ...failed("APIError", "503"), verdict: "violated" })).toBe(false);
  expect(isTransient(run())).toBe(false);
  expect([retriesOf(run()), retriesOf(run({}, null))]).toEqual([1, 0]);
});

test("the handoff report says lane, packet, project, callback, and what was asked for against what was used", () => {
  const envelope = {
    ...{ task_id: "pay", run_id: "r", agent_id: "build", requested_agent_id: "build" },
    ...{ resolved_agent_id: "build", session_key: "hook:opencode:build:pay", project_id: "r-1" },
    ...{ repo_root: "/r", opencode_server_url: "", origin_session_key: "claude:s1" },
    ...{ callback_target_session_key: "claude:s1", callback_target_session_id: "s1" },
  };
  const asked = { model: "lab/one", agent: "build" };
  const record = run({
    task_file: "p/x.json",
    envelope,
    asked,
    model: "lab/two",
    origin: { session_id: "s1" },
  });
  const handoff = handoffOf(record);
  expect(handoff).toMatchObject({
    lane: "cli",
    path: "direct",
    task_id: "PAY-1",
    packet: "p/x.json",
    project_id: "r-1",
    repo_root: "/r",
    opencode_server_url: null,
    scope_claim: { files: ["src/a.ts"], modules: ["pay"] },
    callback: { expected: true, session_key: "claude:s1", session_id: "s1" },
    agent: { requested: "build", resolved: "build", fallback: false },
    model: { requested: "lab/one", resolved: "lab/two", fallback: true },
  });
  expect(handoffText(handoff)).toBe(
    [
      'Handed over to OpenCode: task "PAY-1": CLI-direct (opencode run --dir), run r20261121T000000-000000.',
      'Packet: "p/x.json".',
      'Project: "/r".',
      'Agent: "build"; model: "lab/two" (instead of "lab/one").',
      'Callback: expected ("s1").',
    ].join("\n"),
  );
  // What became of the server belongs to it, as soon as it is known.
  const served = (server_after: RunRecord["server_after"]) => {
    const url = { ...envelope, opencode_server_url: "http://127.0.0.1:1" };
    return handoffText(handoffOf({ ...record, lane: "serve", envelope: url, server_after }));
  };
  expect(served(undefined)).toContain("server http://127.0.0.1:1.");
  expect(served({ state: "stopped" })).toContain("server http://127.0.0.1:1 (ended with the task).");
  expect(served({ state: "running", reason: "a demo" })).toContain('127.0.0.1:1 (stays: "a demo").');
  expect(isInLanguage(handoffText(handoff, "vi"), "vi")).toBe(true);
  expect(isInLanguage(handoffText(handoff), "vi")).toBe(false);
  expect(handoffOf({ ...record, origin: {}, turn: 0 })).toMatchObject({
    callback: { expected: false, session_key: null },
    model: { requested: "lab/one", resolved: null, fallback: false },
  });
});
