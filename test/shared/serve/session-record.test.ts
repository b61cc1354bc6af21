import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  findSessionRecord,
  listSessionRecords,
  type SessionRecord,
  saveSessionRecord,
} from "../../../shared/serve/session-record.ts";
import { projectDir } from "../../../shared/state/place.ts";
import { makeSandbox, type Sandbox } from "../../lab/sandbox.ts";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = makeSandbox();
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
});

const record = (session_id: string, directory: string): SessionRecord => ({
  schema: 1,
  session_id,
  directory,
  title: "A task",
  held: "task",
  runs: [],
  prompts: [],
  created: new Date().toISOString(),
});

test("a session is found by its id from any project; one that never was is none", () => {
  const one = record("ses_one", "/a/project");
  saveSessionRecord(one);
  expect(findSessionRecord("ses_one", "/another")).toEqual(one);
  expect(findSessionRecord("ses_none", "/a/project")).toBeUndefined();
  expect(() => findSessionRecord("../ses_one", "/a/project")).toThrow(/not a session id/);
});

test("a record that does not parse is kept, and told of by whoever asks, also later; the others are listed", () => {
  const good = record("ses_good", "/a/project");
  saveSessionRecord(good);
  saveSessionRecord(record("ses_bad", "/a/project"));
  const folder = join(projectDir("/a/project"), "companion-sessions");
  writeFileSync(join(folder, "ses_bad.json"), '{"schema": 1, "session_id":');
  expect(() => findSessionRecord("ses_bad", "/a/project")).toThrow(/does not parse/);
  expect(() => findSessionRecord("ses_bad", "/another")).toThrow(/session ses_bad was not readable/);
  expect(readdirSync(folder).filter((name) => name.startsWith("ses_bad.json.unreadable-"))).toHaveLength(1);
  for (const _time of [1, 2]) {
    const { records, unreadable } = listSessionRecords("/a/project");
    expect(records).toEqual([good]);
    expect(unreadable).toEqual([expect.stringContaining("ses_bad")]);
  }
  // Its name may be taken again.
  saveSessionRecord(record("ses_bad", "/a/project"));
  expect(findSessionRecord("ses_bad", "/a/project")).toMatchObject({ session_id: "ses_bad" });
});
