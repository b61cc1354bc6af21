import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { flushOutbox } from "../../shared/callback/flush.ts";
import { deliver, listOutbox, putOutbox } from "../../shared/callback/outbox.ts";
import { hasDue } from "../../shared/callback/start.ts";
import { setUpPlugin, timesTold } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { until } from "../lab/process.ts";
import { text } from "../lab/script.ts";
import { samplePayload } from "../shared/callback/sample.ts";

/** A session, and the `claude` that a person has on the PATH: with the plugin installed. */
async function setUp() {
  const session = await setUpPlugin((request) => text(`Heard ${request.userText.slice(-5)}.`));
  const { claude, sandbox, repo, sessionId, inbox, model } = session;
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
  closing({ close: () => vi.unstubAllEnvs() });
  const bin = join(sandbox.dir, "bin");
  mkdirSync(bin);
  const words = claude.command.map((word) => `'${word}'`).join(" ");
  // What the lab needs besides, since a resumed session is given little of the environment.
  const lab = ["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1", "IS_SANDBOX=1"];
  writeFileSync(
    join(bin, "claude"),
    `#!/bin/sh\necho "$PWD" "$@" >> '${sandbox.dir}/started'\nenv > '${sandbox.dir}/env'\nexport ${lab.join(" ")} DISABLE_AUTOUPDATER=1\nexec ${words} "$@"\n`,
  );
  chmodSync(join(bin, "claude"), 0o755);
  const env = { ...claude.env, PATH: `${bin}:${claude.env.PATH}`, HANDRAIL_RESUME: "1", SECRET_OF_MINE: "x" };
  const put = (id: string) => deliver(repo.root, putOutbox(repo.root, samplePayload(id), { inbox }, env));
  const states = () => listOutbox(repo.root).map(({ targets }) => targets.map(({ state }) => state));
  return {
    ...session,
    env,
    put,
    states,
    told: (id: string) => timesTold(model.requests, `[${id}]`),
    sessionId,
  };
}

test("a session that has ended is resumed for what waits, in its own folder, and told once", async () => {
  const { claude, repo, sandbox, model, env, put, states, told, sessionArgs } = await setUp();
  await claude.prompt(repo.root, "first", { args: sessionArgs });
  put("cb-one");
  put("cb-two");
  expect(hasDue(repo.root, env)).toBe(true);
  await until("both to be taken", async () => {
    await flushOutbox(repo.root, { env });
    return states()
      .flat()
      .every((state) => state === "delivered");
  });
  expect([told("cb-one"), told("cb-two")]).toEqual([1, 1]);
  const started = readFileSync(join(sandbox.dir, "started"), "utf8").trim().split("\n");
  expect(started).toEqual([expect.stringMatching(new RegExp(`^${repo.root} -p --resume `))]);
  expect(readFileSync(join(sandbox.dir, "env"), "utf8")).not.toContain("SECRET_OF_MINE");
  const asked = model.requests.length;
  expect(hasDue(repo.root, env)).toBe(false);
  await flushOutbox(repo.root, { env });
  expect(model.requests).toHaveLength(asked);
});

test("a session that is open is left alone; without the option nobody is resumed", async () => {
  const { claude, repo, env, put, states, told, sessionArgs, inbox } = await setUp();
  const stream = closing(claude.stream(repo.root, { args: sessionArgs }));
  await stream.send("first");
  const woken = stream.nextResult();
  put("cb-one");
  await flushOutbox(repo.root, { env });
  await woken;
  expect(told("cb-one")).toBe(1);
  await flushOutbox(repo.root, { env });
  expect(states()).toEqual([["delivered", "delivered"]]);
  await stream.close();
  const { HANDRAIL_RESUME: _, ...plain } = env;
  putOutbox(repo.root, samplePayload("cb-two"), { inbox }, plain);
  expect(states()[1]).toHaveLength(1);
});
