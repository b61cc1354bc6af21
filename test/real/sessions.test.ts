import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { inboxDir } from "../../shared/callback/inbox.ts";
import { closeOnce } from "../../shared/run/close-once.ts";
import { createRun, originFromEnv } from "../../shared/run/create.ts";
import { identify } from "../../shared/run/process.ts";
import { readRuns, saveRun } from "../../shared/run/store.ts";
import { loadTask } from "../../shared/task/load.ts";
import { setUpPlugin, timesTold } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { PLUGIN } from "../lab/delegation.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { until } from "../lab/process.ts";
import { SAMPLE } from "../lab/repo.ts";
import { call, text } from "../lab/script.ts";

const task = (name: string) => `Change ${name}\n\nFiles to modify:\n- src/${name}.ts\n`;
const file = (name: string) => `opencode_tasks/20261121-change-${name}.txt`;

test("two sessions in one project with five runs each at once: each is told its own five, once each", async () => {
  const session = await setUpPlugin(() => text("Heard."), {
    repo: {
      ...SAMPLE,
      ignore: ["opencode_tasks/"],
      dirty: { [file("a")]: task("a"), [file("b")]: task("b") },
    },
  });
  const { sandbox, repo, claude, model } = session;
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
  closing({ close: () => vi.unstubAllEnvs() });
  const owners = [
    { id: session.sessionId, word: "alpha", name: "a" },
    { id: randomUUID(), word: "omega", name: "b" },
  ];
  const executor = closing(
    await startOpenAiServer((request) => {
      const name = request.userText.includes("Change a") ? "a" : "b";
      return [call("write", { filePath: `src/${name}.ts`, content: "done\n" }), text("Done.")];
    }),
  );
  const opencode = setUpOpencode({ sandbox, modelUrl: executor.url, plugins: [PLUGIN] });
  const streams = owners.map(({ id }) => closing(claude.stream(repo.root, { args: ["--session-id", id] })));
  await Promise.all(streams.map((stream, nth) => stream.send(owners[nth]?.word ?? "")));

  const envOf = (id: string) => ({
    HANDRAIL_ORIGIN_SESSION_ID: id,
    HANDRAIL_INBOX: inboxDir(id, sandbox.env),
  });
  const endOne = async ({ id, name }: { id: string; name: string }) => {
    const spec = loadTask(file(name), repo.root);
    const record = createRun({ root: repo.root, spec, lane: "cli", origin: originFromEnv(envOf(id)) });
    saveRun({ ...record, state: "running", turn: 1, executor: identify() });
    await closeOnce({ ...record, turn: 1 }, { outcome: "idle" }, sandbox.env);
  };
  // One by the real OpenCode for each, both at once, and four besides. A database each: two that start at once
  // race in its migration (1.18.33).
  await Promise.all(
    owners.flatMap((owner) => [
      opencode.run(repo.root, ["run", task(owner.name).trimEnd()], {
        env: { ...envOf(owner.id), XDG_DATA_HOME: join(sandbox.dir, owner.word) },
      }),
      ...Array.from({ length: 4 }, () => endOne(owner)),
    ]),
  );

  const { runs } = readRuns(repo.root);
  const callbacksOf = (id: string) =>
    runs.filter(({ origin }) => origin.session_id === id).map((run) => `[${run.run_id}-t${run.turn}]`);
  const heardBy = (word: string) =>
    model.requests.filter((request) => request.messages.some((message) => message.text.includes(word)));
  const told = (word: string, ids: string[]) => ids.map((id) => timesTold(heardBy(word), id));
  for (const { id, word } of owners) {
    expect(callbacksOf(id)).toHaveLength(5);
    await until(`all five of ${word}`, () => told(word, callbacksOf(id)).every((times) => times > 0));
  }
  await Promise.all(streams.map((stream) => stream.send("and now")));
  for (const { id, word } of owners) {
    const others = owners.find((other) => other.id !== id)?.id ?? "";
    expect(told(word, callbacksOf(id))).toEqual([1, 1, 1, 1, 1]);
    expect(told(word, callbacksOf(others))).toEqual([0, 0, 0, 0, 0]);
  }
}, 240_000);
