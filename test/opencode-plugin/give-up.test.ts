import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createOpencodeClient } from "@opencode-ai/sdk";
import { expect, test, vi } from "vitest";
import type { BindingContext } from "../../opencode-plugin/binding.ts";
import { GiveUp } from "../../opencode-plugin/give-up.ts";
import { packetBriefing } from "../../opencode-plugin/packet-briefing.ts";
import { listOutbox } from "../../shared/callback/outbox.ts";
import { loadConfig } from "../../shared/config/config.ts";
import { createRun } from "../../shared/run/create.ts";
import type { RefusalCode } from "../../shared/scope/decision.ts";
import { loadTask } from "../../shared/task/load.ts";
import { closing } from "../lab/cleanup.ts";
import { startEndpoint } from "../lab/endpoint.ts";
import { until } from "../lab/process.ts";
import { place } from "../shared/tree/fixture.ts";

/** A turn of a packet, or of a task file, and what OpenCode is asked for meanwhile. */
async function turn(abortOn?: string[], kind: "packet" | "task file" = "packet") {
  const repo = place().repo({ "src/a.ts": "a\n" });
  vi.stubEnv("CLAUDECODE", "");
  const packet = {
    ...{ packet_version: "v1", task_id: "P", workstream: "feature", owner_agent: "fullstack" },
    ...{ session_key: "coding:P", objective: "Work", scope: { file_paths: ["src/a.ts"] } },
    ...(abortOn ? { retry_abort: { abort_on: abortOn } } : {}),
  };
  mkdirSync(join(repo.root, "opencode_tasks"), { recursive: true });
  const file = `opencode_tasks/20261121-p.${kind === "packet" ? "json" : "txt"}`;
  const text = kind === "packet" ? JSON.stringify(packet) : "Work\n\nFiles to modify:\n- src/a.ts\n";
  writeFileSync(join(repo.root, file), text);
  const spec = loadTask(file, repo.root);
  const queued = createRun({ root: repo.root, spec, taskFile: file, lane: "cli", origin: {} });
  const server = closing(await startEndpoint((_request, response) => response.end("true")));
  const context: BindingContext = {
    ...{ client: createOpencodeClient({ baseUrl: server.origin }), root: repo.root, env: {}, lane: "cli" },
    ...{ preset: { runId: undefined }, ending: () => undefined, formatters: false, languageServers: false },
  };
  const record = { ...queued, session: "ses_1" };
  return {
    record,
    giveUp: new GiveUp({ record, open: true }, 3, context),
    config: loadConfig(repo.root),
    aborted: () => until("the abort", () => server.received.length > 0 && server.received),
    asked: server.received,
    escalated: () => listOutbox(repo.root).map(({ payload }) => payload.escalation?.reason),
  };
}

const refuse = (code: RefusalCode, path: string) => ({ decision: "refuse" as const, code, path });

test("three places out of scope are drift; the same one again and again is not, nor what is no place", async () => {
  const { giveUp, aborted, asked, escalated } = await turn();
  for (let times = 0; times < 5; times++) giveUp.refused(refuse("out-of-scope", "src/b.ts"));
  giveUp.refused(refuse("forbidden", "src/c.ts"));
  giveUp.refused(refuse("bad-arguments", "src/d.ts"));
  giveUp.refused(refuse("rule", "src/e.ts"));
  const dropped = (path: string, code: RefusalCode = "out-of-scope") =>
    giveUp.dropped({ refused: [{ path, code, quarantined: null }] });
  dropped("src/d", "special-file");
  expect([giveUp.reason, giveUp.refusal, asked, escalated()]).toEqual([undefined, undefined, [], []]);
  // Tests that leave something in the same folder each time they run.
  for (let run = 0; run < 5; run++) dropped(`reports/run-${run}.xml`);
  expect(giveUp.reason).toEqual({
    code: "scope_drift",
    message: '3 acts out of its scope were refused: "src/b.ts", "src/c.ts", "reports/"',
  });
  expect(giveUp.refusal).toMatchObject({ code: "ended" });
  expect(await aborted()).toMatchObject([{ method: "POST", path: "/session/ses_1/abort" }]);
  giveUp.refused(refuse("leased", "src/a.ts"));
  expect([escalated(), asked.length]).toEqual([["scope_drift"], 1]);
});

test.each([
  ["MISSING CONTEXT: the rates", "the rates"],
  ["I looked.\n  **MISSING CONTEXT:** the rates\nSorry.", "the rates"],
  ["> MISSING CONTEXT : the rates", "the rates"],
  ["The briefing says: MISSING CONTEXT: the rates", undefined],
  ["MISSING CONTEXT: <what is missing>", undefined],
  ["MISSING CONTEXT:", undefined],
  ["Context is missing.", undefined],
])("what an executor says of its context: %j", async (text, words) => {
  const { giveUp, escalated } = await turn();
  giveUp.said(text);
  expect(giveUp.reason?.message).toBe(words);
  expect(escalated()).toEqual(words ? ["missing_context"] : []);
});

test("the line that the briefing asks for is the one that is understood", async () => {
  const { record, giveUp, config } = await turn();
  const [, asked = ""] = /with a line "(.*) <what/.exec(packetBriefing(record, config).join("\n")) ?? [];
  giveUp.said(`${asked} the rates`);
  expect(giveUp.reason).toEqual({ code: "missing_context", message: "the rates" });
});

test("a packet that does not abort on it goes on; it is told of what others have to decide all the same", async () => {
  const { giveUp, asked, escalated } = await turn([]);
  giveUp.refused(refuse("leased", "src/a.ts"));
  giveUp.said("MISSING CONTEXT: the rates");
  for (const path of ["b", "c", "d", "e"]) giveUp.refused(refuse("out-of-scope", path));
  expect([giveUp.reason, asked]).toEqual([undefined, []]);
  expect(escalated().sort()).toEqual(["conflict_unresolved", "missing_context"]);
});

test("a task file is never given up: it has no such rules", async () => {
  const { giveUp, asked, escalated } = await turn(undefined, "task file");
  for (const path of ["b", "c", "d", "e"]) giveUp.refused(refuse("out-of-scope", path));
  giveUp.said("MISSING CONTEXT: the rates");
  expect([giveUp.reason, asked, escalated()]).toEqual([undefined, [], []]);
});
