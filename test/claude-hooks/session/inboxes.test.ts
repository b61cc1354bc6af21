import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { inboxesOf, openInboxes } from "../../../claude-hooks/session/inboxes.ts";
import { closing } from "../../lab/cleanup.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

function setUp() {
  const sandbox = closing(makeSandbox());
  const before = process.env.HANDRAIL_STATE_DIR;
  process.env.HANDRAIL_STATE_DIR = sandbox.state;
  onTestFinished(() => {
    if (before === undefined) delete process.env.HANDRAIL_STATE_DIR;
    else process.env.HANDRAIL_STATE_DIR = before;
  });
  const dataDir = join(sandbox.dir, "data");
  const start = (sessionId: string, source: string, pid: number | undefined = process.pid) =>
    openInboxes({ sessionId, source, dataDir, pid, directory: sandbox.dir }).map((dir) => basename(dir));
  return { dataDir, start };
}

test("a session has its own inbox, which exists", () => {
  const { dataDir, start } = setUp();
  expect(start("a", "startup")).toEqual(["a"]);
  expect(inboxesOf(dataDir, "a").every((dir) => existsSync(dir))).toBe(true);
  expect(inboxesOf(dataDir, "unknown")).toEqual([]);
});

test("after /clear the next session has those of the one before, and keeps them when it is resumed", () => {
  const { start } = setUp();
  start("a", "startup");
  expect(start("b", "clear")).toEqual(["b", "a"]);
  expect(start("c", "clear")).toEqual(["c", "b", "a"]);
  expect(start("c", "compact")).toEqual(["c", "b", "a"]);
  expect(start("c", "resume", 1)).toEqual(["c", "b", "a"]);
});

test("another process, another session, a fork: nobody else's inbox", () => {
  const { start } = setUp();
  start("a", "startup");
  expect(start("b", "startup")).toEqual(["b"]);
  expect(start("c", "resume")).toEqual(["c"]);
  expect(start("d", "fork")).toEqual(["d"]);
  // pid 1 is another process: it had no session of ours before.
  expect(start("e", "clear", 1)).toEqual(["e"]);
  // /clear follows what this process had last.
  expect(start("f", "clear")).toEqual(["f", "d"]);
});

test("a reused process id is not taken for the same process, and dead ones are forgotten", () => {
  const { dataDir, start } = setUp();
  start("a", "startup");
  const file = join(dataDir, "processes", `${process.pid}.json`);
  writeFileSync(
    file,
    JSON.stringify({ process: { pid: process.pid, started: "1", host: "h" }, session: "a" }),
  );
  writeFileSync(
    join(dataDir, "processes", "999999999.json"),
    JSON.stringify({ process: { pid: 999999999, host: process.env.HOSTNAME ?? "" }, session: "z" }),
  );
  start("b", "startup");
  expect(readdirSync(join(dataDir, "processes"))).toContain(`${process.pid}.json`);
});

test("many /clear in a row do not pile up", () => {
  const { start } = setUp();
  start("s0", "startup");
  const last = Array.from({ length: 30 }, (_, index) => start(`s${index + 1}`, "clear")).at(-1);
  expect(last?.slice(0, 2)).toEqual(["s30", "s29"]);
  expect(last).toHaveLength(16);
});
