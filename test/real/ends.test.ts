import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { payloadSchema } from "../../shared/callback/payload.ts";
import { callbackText } from "../../shared/callback/text.ts";
import { closing } from "../lab/cleanup.ts";
import {
  type Delegation,
  type DelegationOptions,
  PLUGIN,
  projectState,
  setUpDelegation,
  TASK,
  TASK_NAME,
} from "../lab/delegation.ts";
import { jsonLines, type OpencodeServer } from "../lab/opencode.ts";
import { processesMentioning, projectRoot, runProgram, until } from "../lab/process.ts";
import { call, isRecord, records, type Script, type Step, text } from "../lab/script.ts";

const PROMPT = TASK.trimEnd();
const bash = (command: string): Step => call("bash", { command, description: "run" });
const WRITE = { filePath: "src/a.ts", content: "done\n" };
const WORK = [call("write", WRITE), text("Done.")];
const LONG = bash("echo begun > src/lib/begun; sleep 300");
const DONE = { turn: 1, state: "done", verdict: "in_scope" };
const ABORTED = { turn: 1, state: "aborted", verdict: "in_scope" };

type Ended = Record<string, unknown>;

/** `handrail runs` and `callback list`: whoever comes by next. It closes what is still open. */
async function comeBy(lab: Delegation): Promise<void> {
  const handrail = join(projectRoot, "claude-hooks/bin/handrail");
  const run = await runProgram(handrail, ["runs"], { cwd: lab.repo.root, env: lab.sandbox.env });
  expect(run).toMatchObject({ code: 0, stderr: "" });
}

/** Exactly these turns have called back, also after somebody else came by; and nothing is left of them. */
async function expectEnded(lab: Delegation, turns: Ended[]): Promise<void> {
  const ends = () => lab.callbacks().filter(({ kind }) => kind === "end");
  await until("all callbacks", () => ends().length >= turns.length, 20_000).catch(() => undefined);
  await comeBy(lab);
  expect(lab.callbacks()).toMatchObject(turns);
  const last = lab.callbacks().at(-1);
  const run = lab.runs().find(({ run_id }) => run_id === last?.run_id);
  expect(run).toMatchObject({ state: last?.state, turn: last?.turn, ended: expect.any(String) });
  const open = join(projectState(lab.sandbox), "open");
  expect(existsSync(open) ? readdirSync(open) : []).toEqual([]);
}

/** The working tree is nobody's any more. */
function expectReleased(lab: Delegation): void {
  const leases = join(projectState(lab.sandbox), "leases");
  const left = existsSync(leases) ? readdirSync(leases).filter((name) => name.endsWith(".json")) : [];
  expect(left).toEqual([]);
}

/** The same task can be worked on at once. */
async function expectFollowed(lab: Delegation): Promise<void> {
  const before = lab.callbacks().length;
  lab.model.script(WORK);
  await lab.opencode.run(lab.repo.root, ["run", PROMPT]);
  expect(lab.callbacks().slice(before)).toMatchObject([DONE]);
}

function executorOf(lab: Delegation): number {
  const executor = lab.runs().at(-1)?.executor;
  if (!isRecord(executor) || typeof executor.pid !== "number") throw new Error("the run has no executor");
  return executor.pid;
}

/** What is on record of the last run. */
function events(lab: Delegation): Record<string, unknown>[] {
  const run = String(lab.runs().at(-1)?.run_id);
  return jsonLines(readFileSync(join(projectState(lab.sandbox), "runs", run, "events.jsonl"), "utf8"));
}

/** Ids in a list that OpenCode gives. */
function requests(list: unknown): string[] {
  return records(list).flatMap(({ id }) => (typeof id === "string" ? [id] : []));
}

/** The scripted model has been asked for this step. */
function asked(lab: Delegation, times = 1): Promise<boolean> {
  return until("the model to be asked", () => lab.model.requests.length >= times);
}

function begun(lab: Delegation): Promise<boolean> {
  return until("the command to begin", () =>
    // In an overlay the file is not to be seen; the process is.
    (processesMentioning(lab.sandbox.dir) ?? []).some((line) => line.includes("sleep 300")),
  );
}

interface Server extends OpencodeServer {
  call(method: string, path: string, body?: unknown, directory?: string): Promise<unknown>;
  session(directory?: string): Promise<string>;
  /** Sends a prompt and waits for the answer. */
  prompt(session: string, text?: string): Promise<unknown>;
  /** Sends a prompt and waits for nothing. */
  send(session: string, text?: string): Promise<unknown>;
}

async function serve(lab: Delegation, env?: NodeJS.ProcessEnv): Promise<Server> {
  const server = closing(await lab.opencode.serve(lab.repo.root, env));
  const request = async (method: string, path: string, body?: unknown, directory = lab.repo.root) => {
    const answer = await fetch(`${server.url}${path}?directory=${encodeURIComponent(directory)}`, {
      method,
      headers: { ...server.headers, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const words = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${words}`);
    return words === "" ? undefined : JSON.parse(words);
  };
  const message = (value: string) => ({ parts: [{ type: "text", text: value }] });
  return {
    ...server,
    call: request,
    async session(directory) {
      const made = await request("POST", "/session", {}, directory);
      if (!isRecord(made) || typeof made.id !== "string") throw new Error("no session");
      return made.id;
    },
    prompt: (session, value = PROMPT) => request("POST", `/session/${session}/message`, message(value)),
    send: (session, value = PROMPT) => request("POST", `/session/${session}/prompt_async`, message(value)),
  };
}

async function served(script: Script, options?: DelegationOptions) {
  const lab = await setUpDelegation(script, options);
  const server = await serve(lab);
  return { lab, server, session: await server.session() };
}

describe("opencode run", () => {
  test.each<[name: string, script: Script, ended: Ended]>([
    ["a normal end", WORK, { ...DONE, changes: [{ path: "src/a.ts" }] }],
    [
      "a provider that refuses",
      [{ error: 400, message: "no such thing" }],
      { turn: 1, state: "failed", error: { code: "APIError", message: expect.stringContaining("no such") } },
    ],
    ["a stream that breaks, every time", [{ reset: true }], { turn: 1, state: "failed" }],
    [
      "a provider that fails after some work",
      [...WORK.slice(0, 1), { error: 401 }],
      { turn: 1, state: "failed", verdict: "in_scope", changes: [{ path: "src/a.ts" }] },
    ],
  ])("%s", async (_name, script, ended) => {
    const lab = await setUpDelegation(script);
    const run = await lab.opencode.run(lab.repo.root, ["run", PROMPT]);
    expect(run.stderr).not.toMatch(/\bat .*(index\.js|opencode-plugin)/);
    await expectEnded(lab, [ended]);
    expectReleased(lab);
  });

  test.each<[signal: NodeJS.Signals, where: string]>([
    ["SIGTERM", "stream"],
    ["SIGKILL", "stream"],
    ["SIGTERM", "tool"],
    ["SIGKILL", "tool"],
  ])("%s in a %s: the next to come by closes the turn, once", async (signal, where) => {
    const lab = await setUpDelegation(where === "stream" ? [{ hang: true, text: "I beg" }] : [LONG]);
    const running = lab.opencode.run(lab.repo.root, ["run", PROMPT]);
    await (where === "stream" ? asked(lab) : begun(lab));
    process.kill(executorOf(lab), signal);
    await running;
    await expectEnded(lab, [
      {
        turn: 1,
        state: "failed",
        reasons: expect.arrayContaining([expect.stringContaining("process is gone")]),
      },
    ]);
    await until("its commands to end", () => (processesMentioning(lab.sandbox.dir) ?? []).length === 0);
    await expectFollowed(lab);
  });
});

describe("opencode serve", () => {
  test("normal ends, one prompt after the other, in one session and in two", async () => {
    const { lab, server, session } = await served(WORK);
    await server.prompt(session);
    await server.prompt(session, "Go on, please");
    const other = await server.session();
    await server.prompt(other);
    await expectEnded(lab, [DONE, { ...DONE, turn: 2, changes: [] }, DONE]);
    expectReleased(lab);
    expect(lab.runs()).toHaveLength(2);
  });

  test("a turn after one that failed tells nothing of the failure", async () => {
    const { lab, server, session } = await served([{ error: 400 }]);
    await server.prompt(session);
    lab.model.script(WORK);
    await server.prompt(session, "Go on, please");
    await expectEnded(lab, [
      { turn: 1, state: "failed" },
      { ...DONE, turn: 2 },
    ]);
    expect(lab.callbacks()[1]).not.toHaveProperty("error");
    expect(lab.runs()[0]).not.toHaveProperty("error");
  });

  test("a prompt that is queued while another is worked on belongs to its turn", async () => {
    const { lab, server, session } = await served((request) =>
      request.userText.includes("Also") ? [text("Also done.")] : [bash("sleep 2"), text("Done.")],
    );
    await server.send(session);
    await asked(lab);
    await server.send(session, "Also this, please");
    await until("both to be answered", () =>
      lab.model.requests.some((request) => request.userText.includes("Also")),
    );
    await expectEnded(lab, [DONE]);
    await server.close();
    await expectEnded(lab, [DONE]);
    expectReleased(lab);
  });

  test.each<[where: string, script: Script, ready: (lab: Delegation) => Promise<unknown>]>([
    ["a stream", [{ hang: true, text: "I beg" }], (lab) => asked(lab)],
    ["a tool", [LONG], begun],
    ["a retry", [{ error: 503, message: "overloaded" }], (lab) => asked(lab, 2)],
    [
      "a sub-agent's stream",
      (request) =>
        request.userText.includes("SUB")
          ? [{ hang: true }]
          : [call("task", { description: "sub", prompt: "SUB", subagent_type: "general" })],
      (lab) => asked(lab, 2),
    ],
  ])("an abort in %s, and work again at once", async (_where, script, ready) => {
    const { lab, server, session } = await served(script);
    await server.send(session);
    await ready(lab);
    await server.call("POST", `/session/${session}/abort`);
    lab.model.script(WORK);
    await server.prompt(session, "Go on, please");
    await expectEnded(lab, [ABORTED, { ...DONE, turn: 2, changes: [{ path: "src/a.ts" }] }]);
    await server.close();
    await expectEnded(lab, [ABORTED, { ...DONE, turn: 2 }]);
    expectReleased(lab);
  });

  const BETWEEN = { ...ABORTED, error: { message: expect.stringContaining("last word") } };
  test.each<[where: string, plugin: string]>([
    [
      "as soon as an answer with calls is over",
      `export const Stop = async ({ client }) => {
        let asked = false
        return { event: async ({ event: { type, properties } }) => {
          if (asked || type !== "message.updated" || properties.info.finish !== "tool-calls") return
          if (!properties.info.time.completed) return
          asked = true
          await client.session.abort({ path: { id: properties.info.sessionID } })
        } }
      }`,
    ],
    [
      "while OpenCode gets the next request ready",
      `export const Stop = async ({ client }) => {
        let held = false
        return { "experimental.chat.messages.transform": async (_, { messages }) => {
          if (held || !messages.some(({ parts }) => parts.some(({ type }) => type === "tool"))) return
          held = true
          await client.session.abort({ path: { id: messages[0].info.sessionID } })
          await new Promise((done) => setTimeout(done, 60_000))
        } }
      }`,
    ],
  ])("an abort between two answers, %s", async (_where, source) => {
    const stop = join(mkdtempSync(join(tmpdir(), "handrail-test-stop-")), "stop.js");
    closing({ close: () => rmSync(dirname(stop), { recursive: true }) });
    writeFileSync(stop, source);
    const { lab, server, session } = await served(WORK, { plugins: [PLUGIN, stop] });
    await server.send(session);
    await expectEnded(lab, [{ ...BETWEEN, changes: [{ path: "src/a.ts" }] }]);
    await server.prompt(session, "Go on, please");
    await expectEnded(lab, [BETWEEN, { ...DONE, turn: 2 }]);
    expectReleased(lab);
  });

  test("a session that is deleted in a stream", async () => {
    const { lab, server, session } = await served([{ hang: true, text: "I beg" }]);
    await server.send(session);
    await asked(lab);
    await server.call("DELETE", `/session/${session}`);
    await expectEnded(lab, [ABORTED]);
    expectReleased(lab);
  });

  test("a command of the person's own in a bound session is a turn, too", async () => {
    const { lab, server, session } = await served(WORK);
    await server.prompt(session);
    await server.call("POST", `/session/${session}/shell`, { agent: "build", command: "echo 1 > src/lib/n" });
    await expectEnded(lab, [DONE, { ...DONE, turn: 2, changes: [{ path: "src/lib/n" }] }]);
    expectReleased(lab);
  });

  const TOO_LONG = { error: 400, message: "This model's maximum context length is 10 tokens" };
  test.each<[name: string, answers: Step[], ended: Ended]>([
    ["a compaction", [TOO_LONG, text("Summary.")], DONE],
    ["a failed compaction", [TOO_LONG, { error: 400, message: "no" }], { turn: 1, state: "failed" }],
  ])("%s", async (_name, answers, ended) => {
    const left = [...answers];
    const { lab, server, session } = await served(() => left.shift() ?? text("Done."));
    await server.prompt(session);
    await expectEnded(lab, [ended]);
    expect(left).toEqual([]);
    await server.close();
    await expectEnded(lab, [ended]);
    expectReleased(lab);
  });

  test.each<[name: string, about: string, step: Step, words: string]>([
    ["a permission", "permission", bash("cat src/a.ts"), 'may it use bash on "cat src/a.ts"?'],
    [
      "a question",
      "question",
      call("question", {
        questions: [{ question: "Which way?", header: "Way", options: [{ label: "A", description: "a" }] }],
      }),
      '"Which way?"',
    ],
  ])("%s that somebody must answer is on record, until it is answered", async (_name, about, step, words) => {
    const { lab, server, session } = await served([step, text("Done.")], {
      config: { permission: { bash: "ask", question: "allow" } },
    });
    await server.send(session);
    await until("the question", () => lab.runs()[0]?.state === "awaiting_permission");
    expect(lab.runs()[0]?.reasons).toEqual([`OpenCode waits for an answer: ${words}`]);
    // The caller is told what is asked, by a note that is not the turn's one callback.
    const [note] = await until("the note", () => lab.callbacks().length > 0 && lab.callbacks());
    expect(note).toMatchObject({ kind: "note", state: "awaiting_permission", note: { about } });
    expect(callbackText(payloadSchema.parse(note))).toContain(`It asks: ${words}`);
    await server.call("POST", `/session/${session}/abort`);
    // Whoever has not read the note by now is told the end alone. What never ran leaves nothing in doubt.
    await expectEnded(lab, [{ ...ABORTED, kind: "end" }]);
    expectReleased(lab);
  });

  test("an answer lets the turn go on, and takes the unread note back", async () => {
    const { lab, server, session } = await served([bash("echo asked > src/lib/asked"), text("Done.")], {
      config: { permission: { bash: "ask" } },
    });
    await server.send(session);
    await until("the note", () => lab.callbacks().length > 0);
    const [asked] = requests(await server.call("GET", "/permission"));
    await server.call("POST", `/permission/${asked}/reply`, { reply: "once" });
    await expectEnded(lab, [{ ...DONE, kind: "end", changes: [{ path: "src/lib/asked" }] }]);
    expect(events(lab).map(({ type }) => type)).toEqual(expect.arrayContaining(["asked", "answered"]));
  });

  test("a refusal ends the turn, and its work is not done", async () => {
    const { lab, server, session } = await served([bash("echo asked > src/lib/asked"), text("Done.")], {
      config: { permission: { bash: "ask" } },
    });
    await server.send(session);
    const asked = await until(
      "the question",
      async () => requests(await server.call("GET", "/permission"))[0],
    );
    await server.call("POST", `/permission/${asked}/reply`, { reply: "reject" });
    await expectEnded(lab, [{ ...BETWEEN, kind: "end", changes: [] }]);
    expectReleased(lab);
  });

  test("silence is on record, then told by a note, and over with the next word", async () => {
    const { lab, server, session } = await served(
      (request) => (request.step === 0 ? [{ ...call("write", WRITE), delayMs: 4_000 }] : [text("Done.")]),
      { repo: { dirty: { "handrail.config.json": '{"stall":{"soft":1,"hard":2}}', [TASK_NAME]: TASK } } },
    );
    await server.send(session);
    await until("the soft stall", () => lab.runs()[0]?.state === "stalled");
    const [note] = await until("the hard one", () => lab.callbacks().length > 0 && lab.callbacks());
    expect(note).toMatchObject({ kind: "note", state: "stalled", note: { about: "stall" } });
    await expectEnded(lab, [{ ...DONE, kind: "end" }]);
    const levels = events(lab).flatMap(({ type, level }) => (type === "stall" ? [level] : []));
    // On a slow machine it may be long enough for the second at once.
    expect(levels.slice(levels.indexOf("hard"), levels.indexOf("hard") + 2)).toEqual(["hard", "none"]);
  });

  test("a prompt that asks for no answer starts no turn; the next one does", async () => {
    const { lab, server, session } = await served(WORK);
    await server.call("POST", `/session/${session}/message`, {
      noReply: true,
      parts: [{ type: "text", text: PROMPT }],
    });
    await comeBy(lab);
    expect(lab.runs()).toEqual([]);
    expectReleased(lab);
    await server.prompt(session, "Go on, please");
    await expectEnded(lab, [DONE]);
    await server.call("POST", `/session/${session}/message`, {
      noReply: true,
      parts: [{ type: "text", text: "By the way" }],
    });
    await server.close();
    await expectEnded(lab, [DONE]);
    expectReleased(lab);
  });

  test("a turn that cannot be closed waits for nobody: whoever comes by closes it, though the server lives", async () => {
    const { lab, server, session } = await served([{ hang: true, text: "I beg" }]);
    await server.send(session);
    await asked(lab);
    const outbox = join(projectState(lab.sandbox), "outbox");
    writeFileSync(outbox, "a file is in the way");
    await server.call("POST", `/session/${session}/abort`);
    const open = join(projectState(lab.sandbox), "open");
    await until("the turn to be left", () => readdirSync(open).some((name) => name.endsWith(".aborted")));
    expect(lab.callbacks()).toEqual([]);
    rmSync(outbox);
    await expectEnded(lab, [ABORTED]);
    lab.model.script(WORK);
    await server.prompt(session, "Go on, please");
    await expectEnded(lab, [ABORTED, { ...DONE, turn: 2 }]);
    expectReleased(lab);
  });

  test("a sub-agent in the background: the turn ends with the last of the family", async () => {
    const lab = await setUpDelegation((request) =>
      request.userText.includes("SUB")
        ? [bash("sleep 3"), call("write", { filePath: "src/lib/sub.ts", content: "sub\n" }), text("Sub.")]
        : request.userText.includes("Files to modify")
          ? [
              call("task", { description: "s", prompt: "SUB", subagent_type: "general", background: true }),
              text("Off."),
            ]
          : [text("Heard of it.")],
    );
    const server = await serve(lab, { OPENCODE_EXPERIMENTAL_BACKGROUND_SUBAGENTS: "true" });
    await server.prompt(await server.session());
    // OpenCode then tells the root of it: another turn.
    await expectEnded(lab, [
      { ...DONE, changes: [{ path: "src/lib/sub.ts" }] },
      { ...DONE, turn: 2, changes: [] },
    ]);
    expectReleased(lab);
  });

  test("a server that ends in a turn, and the session continued by another", async () => {
    const { lab, server, session } = await served([{ hang: true, text: "I beg" }]);
    await server.send(session);
    await asked(lab);
    await server.close();
    lab.model.script(WORK);
    const next = await serve(lab);
    await next.prompt(session, "Go on, please");
    await expectEnded(lab, [
      { turn: 1, state: "failed" },
      { ...DONE, turn: 2 },
    ]);
    expectReleased(lab);
  });

  test("an instance that is disposed of in a turn, and used again at once", async () => {
    const { lab, server, session } = await served([{ hang: true, text: "I beg" }]);
    await server.send(session);
    await asked(lab);
    lab.model.script([call("write", { filePath: "src/b.ts", content: "out\n" }), ...WORK]);
    const disposed = server.call("POST", "/instance/dispose");
    await server.prompt(session, "Go on, please");
    await disposed;
    await expectEnded(lab, [{ ...ABORTED }, { ...DONE, turn: 2, refusals: [{ path: "src/b.ts" }] }]);
    expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
    expectReleased(lab);
  });
});
