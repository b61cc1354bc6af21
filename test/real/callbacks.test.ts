import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inboxDir, peek, putCallback } from "../../shared/callback/inbox.ts";
import { setUpPlugin, timesTold } from "../lab/claude-plugin.ts";
import { openTerminal } from "../lab/claude-terminal.ts";
import { closing } from "../lab/cleanup.ts";
import { until } from "../lab/process.ts";
import { call, type ModelRequest, text } from "../lab/script.ts";
import { terminalMissing } from "../lab/terminal.ts";
import { samplePayload } from "../shared/callback/sample.ts";

const CALLBACK = samplePayload("cb-one");
const told = (requests: readonly ModelRequest[], id = "cb-one") => timesTold(requests, `[${id}]`);

test("a one-shot session gets a callback that comes while it answers, at the end of its turn", async () => {
  const session = await setUpPlugin((request) => {
    if (request.userText !== "go") return text("Second.");
    putCallback(session.inbox, CALLBACK);
    return text("First.");
  });
  const run = await session.claude.prompt(session.repo.root, "go", { args: session.sessionArgs });
  expect(run).toMatchObject({ code: 0, result: "Second.", sessionId: session.sessionId });
  expect(told(session.model.requests)).toBe(1);
  expect(session.model.requests.at(-1)?.messages.at(-1)?.text).toContain('"src/a.ts" +10 -2');
  expect(peek(session.inbox)).toEqual([]);
});

test("a callback that comes while a command runs arrives with the command's result", async () => {
  const session = await setUpPlugin((request) => {
    if (request.step === 0) putCallback(session.inbox, CALLBACK);
    return [call("Bash", { command: "echo ran", description: "run" }), text("Done.")];
  });
  await session.claude.prompt(session.repo.root, "go", { args: session.sessionArgs });
  expect(session.model.requests).toHaveLength(2);
  expect(told(session.model.requests)).toBe(1);
});

test("a session on stream-json is woken between its prompts, once", async () => {
  const session = await setUpPlugin((request) => text(`Heard ${request.userText.slice(-3)}.`));
  const stream = closing(session.claude.stream(session.repo.root, { args: session.sessionArgs }));
  await stream.send("one");
  const woken = stream.nextResult();
  putCallback(session.inbox, CALLBACK);
  await woken;
  expect(told(session.model.requests)).toBe(1);
  await stream.send("two");
  expect(told(session.model.requests)).toBe(1);
});

test("two sessions in one project each get their own callback", async () => {
  const session = await setUpPlugin((request) => text(`Heard ${request.userText.slice(-5)}.`));
  const otherId = randomUUID();
  const one = closing(session.claude.stream(session.repo.root, { args: session.sessionArgs }));
  const two = closing(session.claude.stream(session.repo.root, { args: ["--session-id", otherId] }));
  await Promise.all([one.send("alpha"), two.send("omega")]);
  const both = Promise.all([one.nextResult(), two.nextResult()]);
  putCallback(session.inbox, CALLBACK);
  putCallback(inboxDir(otherId, session.sandbox.env), samplePayload("cb-two"));
  await both;
  const last = (word: string) => {
    const found = session.model.requests.filter((request) =>
      request.messages.some((message) => message.text.includes(word)),
    );
    return [told(found), told(found, "cb-two")];
  };
  expect(last("alpha")).toEqual([1, 0]);
  expect(last("omega")).toEqual([0, 1]);
});

test("what comes after a session has ended waits for its resumption, and a fork does not take it", async () => {
  const session = await setUpPlugin((request) => text(`Heard ${request.userText.slice(-5)}.`));
  const { claude, repo, sessionId, model } = session;
  await claude.prompt(repo.root, "first", { args: session.sessionArgs });
  putCallback(session.inbox, CALLBACK);
  const fork = await claude.prompt(repo.root, "forks", { args: ["--resume", sessionId, "--fork-session"] });
  expect(fork.sessionId).not.toBe(sessionId);
  expect(told(model.requests)).toBe(0);
  await claude.prompt(repo.root, "again", { args: ["--resume", sessionId] });
  expect(told(model.requests)).toBe(1);
  await claude.prompt(repo.root, "third", { args: ["--resume", sessionId] });
  expect(told(model.requests)).toBe(1);
});

test("a callback that a killed session had not written down is told again when it is resumed", async () => {
  const session = await setUpPlugin((request) => text(`Heard ${request.userText.slice(-5)}.`));
  const { claude, repo, sessionId, model, sandbox } = session;
  putCallback(session.inbox, CALLBACK);
  await claude.prompt(repo.root, "first", { args: session.sessionArgs });
  expect(told(model.requests)).toBe(1);
  const folder = join(sandbox.home, ".claude/projects");
  const transcript = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((path) =>
    path.endsWith(`${sessionId}.jsonl`),
  );
  const file = join(folder, transcript ?? "");
  const kept = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => !line.includes("[cb-one]"));
  writeFileSync(file, kept.join("\n"));
  await claude.prompt(repo.root, "again", { args: ["--resume", sessionId] });
  expect(told(model.requests)).toBe(1);
  await claude.prompt(repo.root, "third", { args: ["--resume", sessionId] });
  expect(told(model.requests)).toBe(1);
});

const noTerminal = terminalMissing();
const why = noTerminal ? ` (${noTerminal})` : "";

test.skipIf(noTerminal)(`an idle terminal is woken, and after /clear as well${why}`, async () => {
  const session = await setUpPlugin((request) => text(`Heard ${request.userText.slice(-5)}.`));
  const { claude, model, sandbox, repo } = session;
  const terminal = closing(
    await openTerminal(
      { ...claude, command: [...claude.command, ...session.sessionArgs] },
      sandbox,
      repo.root,
    ),
  );
  terminal.type("hello");
  await terminal.waitFor(/Heard hello\.[\s\S]*✻ \S+ for/);
  putCallback(session.inbox, CALLBACK);
  await until("the callback to be told", () => told(model.requests) === 1);
  await terminal.waitFor(/Handrail: an OpenCode run has ended/);

  terminal.type("/clear");
  await terminal.waitFor(/❯ \/clear/);
  terminal.type("after");
  await terminal.waitFor(/Heard after\.[\s\S]*✻ \S+ for/);
  expect(told(model.requests)).toBe(0);
  // A run of the conversation before: it calls back into that session's inbox.
  putCallback(session.inbox, samplePayload("cb-late"));
  await until("the late callback to be told", () => told(model.requests, "cb-late") === 1);
  expect(peek(session.inbox)).toEqual([]);
});
