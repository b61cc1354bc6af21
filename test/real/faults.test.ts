import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test, vi } from "vitest";
import { flushOutbox } from "../../shared/callback/flush.ts";
import { claimAll, inboxDir, putCallback } from "../../shared/callback/inbox.ts";
import { listOutbox } from "../../shared/callback/outbox.ts";
import { DELIVERY } from "../../shared/callback/policy.ts";
import { FAULT_POINTS } from "../../shared/fault.ts";
import { reap } from "../../shared/run/reap.ts";
import { CLAUDE_PLUGIN, setUpPlugin, timesTold } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { setUpDelegation, TASK } from "../lab/delegation.ts";
import { buildFaulty } from "../lab/faults.ts";
import { startGateway } from "../lab/openclaw-gateway.ts";
import { processesMentioning, projectRoot, until } from "../lab/process.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, text } from "../lab/script.ts";
import { samplePayload } from "../shared/callback/sample.ts";

const TOKEN = "lab-token-0123";

/** Handrail's own programs with their kill points, and the OpenCode plugin among them. */
async function builtFaulty(): Promise<string> {
  const folder = join(closing(makeSandbox()).dir, "built");
  await buildFaulty(folder);
  await build({
    entryPoints: ["opencode-plugin/index.ts"],
    absWorkingDir: projectRoot,
    outfile: join(folder, "index.js"),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    mainFields: ["module", "main"],
    define: { __HANDRAIL_FAULTS__: "true" },
    logLevel: "error",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
  return folder;
}

test("OpenCode and the deliverer are killed at every point, once each: one callback a turn, at both its targets", async () => {
  const built = await builtFaulty();
  const gateway = closing(await startGateway({ token: TOKEN, allowRequestSessionKey: true }));
  let nth = 0;
  const lab = await setUpDelegation(
    () => [call("write", { filePath: "src/a.ts", content: `export const a = ${nth};\n` }), text("Done.")],
    { plugins: [join(built, "index.js")] },
  );
  vi.stubEnv("HANDRAIL_STATE_DIR", lab.sandbox.state);
  const inbox = inboxDir("session-1", lab.sandbox.env);
  const once = join(lab.sandbox.dir, "struck");
  const env = {
    HANDRAIL_INBOX: inbox,
    HANDRAIL_ORIGIN_SESSION_ID: "session-1",
    HANDRAIL_CALLBACK_URL: gateway.url,
    HANDRAIL_CALLBACK_TOKEN: TOKEN,
  };
  const calm = { ...lab.sandbox.env, ...env };
  const counts: Record<string, [killed: boolean, gateway: number, inbox: number]> = {};
  for (const point of [...FAULT_POINTS.opencode, ...FAULT_POINTS.deliverer]) {
    nth += 1;
    rmSync(once, { force: true });
    const before = gateway.runs.length;
    await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()], {
      env: { ...env, HANDRAIL_FAULT: point, HANDRAIL_FAULT_ONCE: once },
    });
    await until("the processes to end", () => (processesMentioning(lab.sandbox.dir) ?? []).length === 0);
    await reap(lab.repo.root, calm);
    await until("delivery", async () => {
      await flushOutbox(lab.repo.root, { env: calm, policy: { ...DELIVERY, baseWaitMs: 5, maxWaitMs: 50 } });
      const targets = listOutbox(lab.repo.root).flatMap((entry) => entry.targets);
      return targets.length > 0 && targets.every(({ state }) => state === "delivered");
    });
    const claimed = claimAll([inbox]);
    claimed.told();
    counts[point] = [existsSync(once), gateway.runs.length - before, claimed.callbacks.length];
  }
  vi.unstubAllEnvs();
  expect(counts).toEqual(Object.fromEntries(Object.keys(counts).map((point) => [point, [true, 1, 1]])));
}, 600_000);

test.each(FAULT_POINTS.hook)(
  "Claude's hook is killed at %s: the session is told once",
  async (point) => {
    const plugin = join(closing(makeSandbox()).dir, "plugin");
    mkdirSync(plugin);
    cpSync(CLAUDE_PLUGIN, plugin, { recursive: true });
    await buildFaulty(join(plugin, "faulty"));
    cpSync(join(plugin, "faulty/hooks"), join(plugin, "dist/hooks"), { recursive: true });
    const once = join(plugin, "struck");
    let prompt = "";
    const session = await setUpPlugin(
      () => {
        if (prompt === "one") putCallback(session.inbox, samplePayload("cb-one"));
        // Long enough for the conversation to be written down before its next hook.
        return prompt === "two" ? { ...text("Heard two."), delayMs: 7_000 } : text("Heard.");
      },
      { plugins: [plugin], env: { HANDRAIL_FAULT: point, HANDRAIL_FAULT_ONCE: once } },
    );
    const stream = closing(session.claude.stream(session.repo.root, { args: session.sessionArgs }));
    const send = (words: string) => {
      prompt = words;
      return stream.send(words);
    };
    await send("one");
    await until("the kill", () => existsSync(once));
    await send("two");
    const told = () => timesTold(session.model.requests, "[cb-one]");
    await until("it to be told", () => told() > 0);
    await send("three");
    expect(told()).toBe(1);
  },
  120_000,
);
