import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectState, TASK_NAME } from "../lab/delegation.ts";
import { runProgram, until } from "../lab/process.ts";
import { call, type Script, text } from "../lab/script.ts";
import { HANDRAIL, setUpServe } from "../lab/serve.ts";
import { noSmallDisk } from "../lab/turn.ts";

const smallDisk = noSmallDisk();
const why = smallDisk ? ` (not tried: ${smallDisk})` : "";
const edit = call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" });

test.skipIf(smallDisk)(
  `the disk of the state folder is full during a job: a clear error, nothing half written, and the truth later${why}`,
  async () => {
    const at: { say: string } = { say: "" };
    const script: Script = () => [
      edit,
      {
        ...text("Done."),
        after: async () => {
          writeFileSync(join(at.say, "edited"), "");
          await until("the disk to be full", () => existsSync(join(at.say, "full")), 60_000);
        },
      },
    ];
    const lab = await setUpServe(script);
    at.say = join(lab.sandbox.dir, "said");
    mkdirSync(at.say);
    const { state } = lab.sandbox;
    const kept = join(lab.sandbox.dir, "kept");
    // Everything happens in a mount of its own, which is gone with this shell.
    const commands = `set -e
      say() { name=$1; shift; code=0; '${HANDRAIL}' "$@" > "${at.say}/$name.json" 2> "${at.say}/$name.err" || code=$?; echo $code > "${at.say}/$name.code"; }
      mkdir -p '${state}'
      mount -t tmpfs -o size=24m tmpfs '${state}'
      say new session new --background --task '${TASK_NAME}' --json -- 'Do the task.'
      job=$(sed -n 's/.*"job_id": "\\(.*\\)".*/\\1/p' '${at.say}/new.json')
      while [ ! -e '${at.say}/edited' ]; do sleep 0.1; done
      dd if=/dev/zero of='${state}/filler' bs=64k 2> /dev/null || true
      dd if=/dev/zero bs=1 count=70000 2> /dev/null >> '${state}/filler' || true
      touch '${at.say}/full'
      say full job wait "$job" --json
      say more session new --json --task '${TASK_NAME}' -- 'More.'
      say words job status "$job"
      rm '${state}/filler'
      say done job wait "$job" --json
      say runs runs --json
      say stop serve stop
      cp -a '${state}' '${kept}'`;
    const run = await runProgram("unshare", ["-Urm", "sh", "-c", commands], {
      cwd: lab.repo.root,
      env: lab.env,
      timeout: 170_000,
    });
    expect([run.code, run.stderr]).toEqual([0, ""]);
    const said = (name: string) => ({
      code: Number(readFileSync(join(at.say, `${name}.code`), "utf8")),
      value: JSON.parse(readFileSync(join(at.say, `${name}.json`), "utf8") || "null"),
    });
    const full = {
      code: 5,
      value: { error: { code: "not-writable", message: expect.stringContaining("full") } },
    };
    expect(said("new")).toMatchObject({ code: 0, value: { job_id: expect.any(String) } });
    expect(said("full")).toMatchObject(full);
    expect(said("more")).toMatchObject(full);
    expect(readFileSync(join(at.say, "words.err"), "utf8")).toMatch(/its disk is full.*\n {2}fix: make room/);
    expect(said("done")).toMatchObject({
      code: 0,
      value: { state: "done", result: { report: { verdict: "in_scope", changes: [{ path: "src/a.ts" }] } } },
    });
    expect(said("runs").value).toMatchObject([{ state: "done", verdict: "in_scope" }]);
    // One prompt, of two steps: on the full disk nobody was prompted.
    expect(lab.model.requests).toHaveLength(2);
    const project = projectState({ ...lab.sandbox, state: kept });
    expect(readdirSync(join(project, "inbox")).filter((name) => name.endsWith(".json"))).toHaveLength(1);
    const files = readdirSync(kept, { recursive: true, encoding: "utf8" });
    expect(files.filter((name) => /\.tmp$|\.unreadable-/.test(name))).toEqual([]);
    for (const name of files.filter((file) => file.endsWith(".json"))) {
      expect(() => JSON.parse(readFileSync(join(kept, name), "utf8")), name).not.toThrow();
    }
  },
);
