import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { flushOutbox } from "../../shared/callback/flush.ts";
import { listOutbox } from "../../shared/callback/outbox.ts";
import { closing } from "../lab/cleanup.ts";
import { setUpDelegation, TASK, TASK_NAME } from "../lab/delegation.ts";
import { refusingOrigin, startEndpoint } from "../lab/endpoint.ts";
import { startGateway } from "../lab/openclaw-gateway.ts";
import { installed, projectRoot, runProgram, until } from "../lab/process.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, text } from "../lab/script.ts";
import { buildDeliverer, leave, makeProject, TOKEN } from "../shared/callback/outgoing.ts";

const runSchema = z.object({ executor: z.object({ pid: z.number() }) });

const work = [
  call("bash", { command: "env; echo end of env", description: "looks around" }),
  call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" }),
  text("Done."),
];

test("opencode run: OpenClaw is told once, by a process that outlives OpenCode, and the token is nowhere", async () => {
  const gateway = closing(
    await startGateway({
      token: TOKEN,
      allowRequestSessionKey: true,
      allowedSessionKeyPrefixes: ["hook:"],
      // OpenCode is long gone when the answer comes.
      meddle: (_request, response) => {
        setTimeout(() => response.writeHead(200).end('{"ok":true}'), 1000);
        return true;
      },
    }),
  );
  const lab = await setUpDelegation(work, {
    env: { HANDRAIL_CALLBACK_URL: gateway.url, HANDRAIL_CALLBACK_TOKEN: TOKEN },
  });
  const run = await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
  expect(run.code).toBe(0);
  const listed = () => callbackVerb(lab, "list");
  await until("delivery", async () => (await listed())[0]?.state === "delivered");
  expect(gateway.received).toHaveLength(1);
  expect(gateway.runs).toMatchObject([{ sessionKey: "hook:opencode:build:change-a", name: "Handrail" }]);
  expect(await listed()).toMatchObject([
    { state: "delivered", targets: [{ target: `openclaw:${gateway.url}`, state: "delivered", attempts: 1 }] },
  ]);
  // It went to its caller, and to nobody else.
  expect(lab.callbacks()).toEqual([]);
  expect(lab.model.requests.flatMap((one) => one.messages.flatMap((m) => m.toolResults)).join()).toContain(
    "end of env",
  );
  expect(JSON.stringify(lab.model.requests)).not.toContain(TOKEN);
  expect(filesWith(lab.sandbox.dir, TOKEN)).toEqual([]);
});

test("opencode run with the gateway down: it waits, and flush delivers it, once", async () => {
  const down = await refusingOrigin();
  const lab = await setUpDelegation(work, { env: { HANDRAIL_CALLBACK_URL: `${down}/cb` } });
  await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
  const [waiting] = await until("an attempt", async () => {
    const rows = await callbackVerb(lab, "list");
    return rows[0]?.targets[0]?.attempts ? rows : undefined;
  });
  expect(waiting).toMatchObject({
    state: "pending",
    targets: [{ error: expect.stringContaining("ECONNREFUSED") }],
  });
  const server = closing(
    await startEndpoint((_request, response) => response.end(), Number(new URL(down).port)),
  );
  await until("delivery", async () => (await callbackVerb(lab, "flush")).length === 0);
  expect(await callbackVerb(lab, "list")).toMatchObject([{ state: "delivered" }]);
  expect(server.received).toHaveLength(1);
  expect(JSON.parse(server.received[0]?.body ?? "")).toMatchObject({ task_id: "change-a", state: "done" });
});

test("an address that cannot be called: nothing is written, and the message says why", async () => {
  const lab = await setUpDelegation(work, { env: { HANDRAIL_CALLBACK_URL: "gopher://old" } });
  await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  expect(JSON.stringify(lab.model.requests)).toContain("HANDRAIL_CALLBACK_URL is no http or https address");
});

test("an agent that OpenCode has not got: an error before there is a run; one that it has calls back", async () => {
  const server = closing(await startEndpoint((_request, response) => response.end()));
  const lab = await setUpDelegation(work, { env: { HANDRAIL_CALLBACK_URL: `${server.origin}/cb` } });
  const run = (...args: string[]) =>
    runProgram(join(projectRoot, "claude-hooks/bin/handrail"), ["run", TASK_NAME, "--json", ...args], {
      cwd: lab.repo.root,
      env: lab.opencode.env,
    });
  const missing = await run("--agent", "nonesuch");
  expect(missing.code).toBe(2);
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  expect(JSON.parse(missing.stdout).error.message).toContain('no agent "nonesuch"');
  expect(lab.runs()).toEqual([]);
  const exact = await run("--agent", "build");
  expect(exact.code).toBe(0);
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 2;\n");
  const sent = await until("the callback", () => server.received.length === 1 && server.received);
  expect(sent.map((one) => JSON.parse(one.body))).toMatchObject([
    { state: "done", envelope: { requested_agent_id: "build", resolved_agent_id: "build" } },
  ]);
});

test("OpenCode killed in the middle: the companion closes the run, and the caller is told once", async () => {
  const server = closing(await startEndpoint((_request, response) => response.end()));
  const lab = await setUpDelegation(
    (request) => {
      // The edit is done, and its result has just been sent to the model.
      if (request.step === 1) process.kill(runSchema.parse(lab.runs()[0]).executor.pid, "SIGKILL");
      return [
        call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" }),
        text("Never heard."),
      ];
    },
    { env: { HANDRAIL_CALLBACK_URL: `${server.origin}/cb` } },
  );
  await runProgram(join(projectRoot, "claude-hooks/bin/handrail"), ["run", TASK_NAME], {
    cwd: lab.repo.root,
    env: lab.opencode.env,
  });
  await until("the callback", async () => (await callbackVerb(lab, "list"))[0]?.state === "delivered");
  expect(server.received.map((one) => JSON.parse(one.body))).toMatchObject([
    { state: "failed", turn: 1, changes: [{ path: "src/a.ts", by: "executor" }] },
  ]);
});

test("OpenCode's own Bun delivers, too, without node on the PATH", async () => {
  const built = closing(makeSandbox());
  await buildDeliverer(built.dir);
  const project = makeProject();
  const server = closing(
    await startEndpoint((_request, response, nth) => response.writeHead(nth === 1 ? 503 : 200).end()),
  );
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  const bun = { ...env, PATH: "", BUN_BE_BUN: "1" };
  expect(await leave(built.dir, project, bun, installed("opencode"))).toBe("true");
  await until("delivery", () => listOutbox(project.root)[0]?.targets[0]?.state === "delivered");
  expect(server.received.map((one) => one.headers["idempotency-key"])).toEqual(["c1", "c1"]);
  expect((await flushOutbox(project.root, { env })).entries).toEqual([]);
});

interface Row {
  state: string;
  targets: { target: string; state: string; attempts: number; error?: string }[];
}

async function callbackVerb(lab: Awaited<ReturnType<typeof setUpDelegation>>, verb: string): Promise<Row[]> {
  const { stdout } = await runProgram(
    join(projectRoot, "claude-hooks/bin/handrail"),
    ["callback", verb, "--json"],
    { cwd: lab.repo.root, env: lab.sandbox.env },
  );
  return JSON.parse(stdout);
}

function filesWith(dir: string, needle: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((file) => readFileSync(file).includes(needle));
}
