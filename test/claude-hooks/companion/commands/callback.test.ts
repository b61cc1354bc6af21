import { writeFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { deliver, entryFile, putOutbox } from "../../../../shared/callback/outbox.ts";
import { bundle } from "../../../lab/bundle.ts";
import { closing } from "../../../lab/cleanup.ts";
import { startEndpoint } from "../../../lab/endpoint.ts";
import { startGateway } from "../../../lab/openclaw-gateway.ts";
import { runProgram } from "../../../lab/process.ts";
import { makeRepo } from "../../../lab/repo.ts";
import { makeSandbox, type Sandbox } from "../../../lab/sandbox.ts";
import { makeProject, TOKEN } from "../../../shared/callback/outgoing.ts";
import { samplePayload } from "../../../shared/callback/sample.ts";

let built: Sandbox;
beforeAll(async () => {
  built = makeSandbox();
  await bundle(built.dir, "claude-hooks/companion/main.ts");
  return () => built.close();
});

function setUp() {
  const project = makeProject();
  makeRepo(project.root);
  const handrail = async (env: NodeJS.ProcessEnv, ...args: string[]) =>
    runProgram(process.execPath, [`${built.dir}/main.mjs`, "callback", ...args], { cwd: project.root, env });
  const json = async (env: NodeJS.ProcessEnv, ...args: string[]) => {
    const { stdout, code } = await handrail(env, ...args, "--json");
    return { code, value: JSON.parse(stdout) };
  };
  return { ...project, handrail, json };
}

test("list shows each callback and its targets, the delivered ones too", async () => {
  const project = setUp();
  expect(await project.json(project.env, "list")).toEqual({ code: 0, value: [] });
  expect((await project.handrail(project.env, "list")).stdout).toBe("no callbacks yet\n");
  const inbox = `${project.dir}/inbox`;
  deliver(project.root, putOutbox(project.root, samplePayload("c1"), { inbox }));
  const env = project.knowing("http://127.0.0.1:9/cb?key=abc123secret");
  project.put("c2", env);
  const { run_id } = samplePayload("c1");
  expect(await project.json(env, "list")).toMatchObject({
    code: 0,
    value: [
      {
        callback_id: "c1",
        run_id,
        state: "delivered",
        targets: [{ target: `inbox:${inbox}`, state: "delivered", attempts: 1 }],
      },
      {
        callback_id: "c2",
        run_id,
        state: "pending",
        targets: [{ target: "http:http://127.0.0.1:9/cb?key=***", state: "pending", attempts: 0 }],
      },
    ],
  });
  const { stdout } = await project.handrail(env, "list");
  expect(stdout).toContain("c1  delivered");
  expect(stdout).not.toMatch(/abc123secret|tok-5ecret/);
});

test("flush delivers what is pending: 0 when all of it got there, 1 when not", async () => {
  const project = setUp();
  const gateway = closing(await startGateway({ token: TOKEN, allowRequestSessionKey: true }));
  const env = project.knowing(gateway.url);
  project.put("c1", env);
  expect(await project.json(project.env, "flush")).toMatchObject({
    code: 1,
    value: [
      {
        state: "pending",
        targets: [{ attempts: 0, error: expect.stringContaining("HANDRAIL_CALLBACK_TOKEN") }],
      },
    ],
  });
  expect(await project.json(env, "flush")).toMatchObject({
    code: 0,
    value: [{ callback_id: "c1", state: "delivered" }],
  });
  expect(await project.json(env, "flush")).toEqual({ code: 0, value: [] });
  expect(gateway.runs).toHaveLength(1);
});

test("a refusal is final until a person says redeliver", async () => {
  const project = setUp();
  const server = closing(
    await startEndpoint((_request, response, nth) =>
      response.writeHead(nth === 1 ? 403 : 200).end("no\u202Eesrever"),
    ),
  );
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  expect(await project.json(env, "flush")).toMatchObject({
    code: 1,
    value: [
      { state: "failed", targets: [{ state: "failed", attempts: 1, error: "HTTP 403: no\\u{202e}esrever" }] },
    ],
  });
  expect(await project.json(env, "flush")).toEqual({ code: 0, value: [] });
  expect(await project.json(env, "redeliver", "c1")).toMatchObject({
    code: 0,
    value: [{ callback_id: "c1", state: "delivered", targets: [{ state: "delivered", attempts: 1 }] }],
  });
  // Once more, to who has it already: the same key, so that he can tell.
  expect(await project.json(env, "redeliver", "c1")).toMatchObject({
    code: 0,
    value: [{ state: "delivered" }],
  });
  expect(server.received.map((one) => one.headers["idempotency-key"])).toEqual(["c1", "c1", "c1"]);
});

test("redeliver goes to those who have not got it, and leaves the others alone", async () => {
  const project = setUp();
  const first = closing(await startEndpoint((_request, response) => response.writeHead(404).end()));
  const env = project.knowing(`${first.origin}/cb`);
  const inbox = `${project.dir}/inbox`;
  deliver(
    project.root,
    putOutbox(project.root, samplePayload("c1"), { inbox, callback: { target: `http:${first.origin}/cb` } }),
  );
  expect((await project.json(env, "flush")).code).toBe(1);
  expect(await project.json(env, "redeliver", "c1")).toMatchObject({
    code: 1,
    value: [
      {
        state: "failed",
        targets: [
          { state: "delivered", attempts: 1 },
          { state: "failed", attempts: 1 },
        ],
      },
    ],
  });
});

test.each([
  [["redeliver", "unknown"], "not-found"],
  [["redeliver", "../../etc/passwd"], "bad-input"],
  [["redeliver"], "bad-usage"],
  [["list", "more"], "bad-usage"],
  [["send"], "bad-usage"],
])("%j: exit 2, %s", async (args, code) => {
  const project = setUp();
  expect(await project.json(project.env, ...args)).toMatchObject({ code: 2, value: { error: { code } } });
});

test("a file that does not parse is named, and the rest is shown", async () => {
  const project = setUp();
  project.put("c2", project.knowing("http://127.0.0.1:9/cb"));
  writeFileSync(entryFile(project.root, "c1"), "{");
  const { stdout, stderr, code } = await project.handrail(project.env, "list", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([{ callback_id: "c2" }]);
  expect(stderr).toMatch(/does not parse and was kept as .*c1\.json\.unreadable-\d+/);
});
