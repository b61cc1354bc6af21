import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, onTestFinished, test, vi } from "vitest";
import { bringBackLost } from "../../../shared/callback/claimed.ts";
import { claimAll, inboxDir, peek, putCallback } from "../../../shared/callback/inbox.ts";
import { closing } from "../../lab/cleanup.ts";
import { projectRoot, runProgram } from "../../lab/process.ts";
import { makeSandbox } from "../../lab/sandbox.ts";
import { samplePayload } from "./sample.ts";

function inbox(name = "session-1"): string {
  return inboxDir(name, closing(makeSandbox()).env);
}
const ids = (claimed: { callbacks: { callback_id: string }[] }) =>
  claimed.callbacks.map((callback) => callback.callback_id);

test("a callback is peeked at freely and claimed once", () => {
  const dir = inbox();
  expect(peek(dir)).toEqual([]);
  putCallback(dir, samplePayload("c1"));
  putCallback(dir, samplePayload("c2"));
  expect(readdirSync(dir).sort()).toEqual(["c1.json", "c2.json"]);
  expect(peek(dir)).toEqual(["c1", "c2"]);
  const claimed = claimAll([dir]);
  expect(claimed.callbacks).toEqual([samplePayload("c1"), samplePayload("c2")]);
  claimed.told();
  expect(readdirSync(dir)).toEqual([]);
  expect(ids(claimAll([dir]))).toEqual([]);
});

test("putting a callback again does nothing, before and after it was claimed", () => {
  const dir = inbox();
  putCallback(dir, samplePayload("c1"));
  putCallback(dir, samplePayload("c1", { state: "failed" }));
  expect(claimAll([dir]).callbacks).toEqual([samplePayload("c1")]);
  putCallback(dir, samplePayload("c1"));
  expect(peek(dir)).toEqual([]);
});

test("a second copy that slipped in is claimed by nobody", () => {
  const dir = inbox();
  putCallback(dir, samplePayload("c1"));
  const copy = readFileSync(join(dir, "c1.json"));
  claimAll([dir]).told();
  writeFileSync(join(dir, "c1.json"), copy);
  expect(ids(claimAll([dir]))).toEqual([]);
  expect(readdirSync(dir)).toEqual([]);
});

test("only what is wanted, and only so many, are claimed; the rest stays", () => {
  const dir = inbox();
  for (const id of ["a", "b", "c"]) putCallback(dir, samplePayload(id));
  expect(ids(claimAll([dir], { wanted: (one) => one.callback_id === "b" }))).toEqual(["b"]);
  expect(ids(claimAll([dir], { most: 1 }))).toEqual(["a"]);
  expect(peek(dir)).toEqual(["c"]);
});

test("one session's inbox is not another's", () => {
  const { env } = closing(makeSandbox());
  putCallback(inboxDir("one", env), samplePayload("c1"));
  expect(ids(claimAll([inboxDir("two", env)]))).toEqual([]);
  expect(ids(claimAll([inboxDir("one", env)]))).toEqual(["c1"]);
});

test("what was claimed by a process that died before it told comes back once, and not too early", () => {
  const dir = inbox();
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  putCallback(dir, samplePayload("lost"));
  putCallback(dir, samplePayload("told"));
  claimAll([dir], { wanted: (one) => one.callback_id === "told" }).told();
  expect(ids(claimAll([dir]))).toEqual(["lost"]);
  expect(ids(claimAll([dir]))).toEqual([]);
  vi.setSystemTime(Date.now() + 120_000);
  expect(ids(claimAll([dir]))).toEqual(["lost"]);
  vi.setSystemTime(Date.now() + 600_000);
  expect(ids(claimAll([dir]))).toEqual([]);
});

test("what a session was told and does not remember comes back once, to nobody else's account", () => {
  const dir = inbox();
  for (const id of ["kept", "lost", "others"]) putCallback(dir, samplePayload(id));
  claimAll([dir], { wanted: (one) => one.callback_id !== "others" }).told("me");
  claimAll([dir]).told("you");
  bringBackLost(dir, "me", (words) => words === "[kept]");
  expect(peek(dir)).toEqual(["lost"]);
  claimAll([dir]).told("me");
  bringBackLost(dir, "me", () => false);
  expect(peek(dir)).toEqual(["kept"]);
});

test("what is no callback is set aside, and harms nothing else", () => {
  const dir = inbox();
  putCallback(dir, samplePayload("good"));
  writeFileSync(join(dir, "broken.json"), "{");
  writeFileSync(join(dir, "other.json"), JSON.stringify(samplePayload("another-name")));
  writeFileSync(join(dir, "huge.json"), " ".repeat(300_000));
  symlinkSync("/etc/hostname", join(dir, "link.json"));
  mkdirSync(join(dir, "folder.json"));
  const claimed = claimAll([dir]);
  expect(ids(claimed)).toEqual(["good"]);
  expect(claimed.unreadable).toHaveLength(5);
  expect(readFileSync(claimed.unreadable[0] ?? "", "utf8")).toBe("{");
  expect(readdirSync(dir)).toEqual([]);
});

test("ids that could leave the folder are refused", () => {
  for (const id of ["../x", "a/b", "", ".", "a".repeat(200), "a\0b"]) {
    expect(() => inboxDir(id)).toThrow(/not a session id/);
    expect(() => putCallback(inbox(), samplePayload(id))).toThrow(/not a callback id/);
  }
});

test("of many processes that claim at once, each callback goes to exactly one", async () => {
  const sandbox = closing(makeSandbox());
  const dir = inboxDir("race", sandbox.env);
  const script = join(sandbox.dir, "claim.mjs");
  await build({
    stdin: {
      contents: `import { claimAll } from "./shared/callback/inbox.ts";
        for (let round = 0; round < 200; round++) {
          const claimed = claimAll([${JSON.stringify(dir)}], { most: 3 });
          for (const one of claimed.callbacks) console.log(one.callback_id);
          claimed.told();
        }`,
      resolveDir: projectRoot,
    },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: script,
    logLevel: "error",
  });
  const all = Array.from({ length: 60 }, (_, index) => `c${String(index).padStart(2, "0")}`);
  const claimants = [1, 2, 3].map(() =>
    runProgram(process.execPath, [script], { cwd: sandbox.dir, env: sandbox.env }),
  );
  for (const id of all) putCallback(dir, samplePayload(id));
  const finished = await Promise.all(claimants);
  const left = claimAll([dir]);
  const told = [...finished.flatMap((one) => one.stdout.split("\n").filter(Boolean)), ...ids(left)];
  expect(told.sort()).toEqual(all);
});
