import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { flushOutbox } from "../../../shared/callback/flush.ts";
import { listOutbox, listUnreadable } from "../../../shared/callback/outbox.ts";
import { closing } from "../../lab/cleanup.ts";
import { startEndpoint } from "../../lab/endpoint.ts";
import { startGateway } from "../../lab/openclaw-gateway.ts";
import { runProgram, until } from "../../lab/process.ts";
import { makeSandbox, type Sandbox } from "../../lab/sandbox.ts";
import { buildDeliverer, FAST, leave, makeProject, type Project, TOKEN } from "./outgoing.ts";

let built: Sandbox;
beforeAll(async () => {
  built = makeSandbox();
  await buildDeliverer(built.dir);
  return () => built.close();
});

const states = (project: Project) =>
  listOutbox(project.root).flatMap((entry) => entry.targets.map(({ state }) => state));
const flusher = (project: Project, env: NodeJS.ProcessEnv): ChildProcess =>
  spawn(process.execPath, [join(built.dir, "flush.mjs"), project.root], { env, stdio: "ignore" });

test("processes that flush at once deliver each callback once", async () => {
  const project = makeProject();
  const server = closing(
    await startEndpoint((_request, response) => {
      setTimeout(() => response.end(), 10);
    }),
  );
  const env = project.knowing(`${server.origin}/cb`);
  const ids = Array.from({ length: 8 }, (_, n) => `c${n}`);
  for (const id of ids) project.put(id, env);
  await Promise.all([1, 2, 3].map(() => once(flusher(project, env), "close")));
  // A process that found an entry held has left it: whoever held it has delivered it.
  expect(states(project)).toEqual(ids.map(() => "delivered"));
  expect(server.received.map((one) => one.headers["idempotency-key"]).sort()).toEqual(ids);
});

test.each(["before it answers", "with its answer", "after its answer"])(
  "a deliverer killed by the gateway %s: the next one finishes, under the same key, and one run comes of it",
  async (when) => {
    const project = makeProject();
    for (let round = 0; round < 4; round++) {
      let victim: ChildProcess | undefined;
      const gateway = closing(
        await startGateway({
          token: TOKEN,
          allowRequestSessionKey: true,
          meddle: (_request, response, nth) => {
            if (nth > 1) return false;
            const kill = () => victim?.kill("SIGKILL");
            if (when === "before it answers") kill();
            else if (when === "with its answer") response.end("{}", kill);
            else response.end("{}", () => setTimeout(kill, round));
            return true;
          },
        }),
      );
      const env = project.knowing(gateway.url);
      project.put(`c${round}`, env);
      victim = flusher(project, env);
      await once(victim, "close");
      const { problems } = await flushOutbox(project.root, { env, policy: FAST });
      expect(problems).toEqual([]);
      expect(gateway.runs).toHaveLength(1);
      expect(new Set(gateway.received.map((one) => one.headers["idempotency-key"]))).toEqual(
        new Set([`c${round}`]),
      );
    }
    expect(states(project)).toEqual(Array.from({ length: 4 }, () => "delivered"));
    expect(listUnreadable(project.root)).toEqual([]);
  },
);

test("a disk that takes nothing: nothing is sent that could not be noted, and nothing is lost", async () => {
  const project = makeProject();
  const server = closing(await startEndpoint((_request, response) => response.end()));
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  // No file may grow: every write fails, as on a full disk.
  const command = `ulimit -f 0; exec "${process.execPath}" "${join(built.dir, "flush.mjs")}" "${project.root}"`;
  await runProgram("/bin/bash", ["-c", command], { cwd: project.dir, env });
  expect(server.received).toEqual([]);
  expect(states(project)).toEqual(["pending"]);
  await once(flusher(project, env), "close");
  expect(states(project)).toEqual(["delivered"]);
  expect(server.received).toHaveLength(1);
});

test("what is left when a process leaves is delivered by one that outlives it", async () => {
  const project = makeProject();
  const server = closing(
    await startEndpoint((_request, response) => {
      setTimeout(() => response.end(), 50);
    }),
  );
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  // Relative to the folder of the process that leaves.
  const relative = { ...env, HANDRAIL_STATE_DIR: "state" };
  expect(await leave(built.dir, project, relative)).toBe("true");
  await until("delivery", () => states(project).every((state) => state === "delivered"), 20_000);
  expect(server.received).toHaveLength(1);
  expect(server.received[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
});

test("no process is started where there is nothing that it could deliver", async () => {
  const project = makeProject();
  const env = project.knowing("http://127.0.0.1:9/cb");
  expect(await leave(built.dir, project, env)).toBe("false");
  project.put("c1", env);
  expect(await leave(built.dir, project, project.env)).toBe("false");
});
