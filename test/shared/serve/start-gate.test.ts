import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { takeStart } from "../../../shared/serve/start-gate.ts";
import { bundle } from "../../lab/bundle.ts";
import { closing } from "../../lab/cleanup.ts";
import { projectRoot } from "../../lab/process.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

test("OpenCode is started one at a time; a process that is killed in its start is not waited for", async () => {
  const sandbox = closing(makeSandbox());
  const built = await bundle(sandbox.dir, join(projectRoot, "shared/serve/start-gate.ts"));
  const script = join(sandbox.dir, "starts.mjs");
  writeFileSync(
    script,
    `import { appendFileSync, closeSync, openSync, rmSync } from "node:fs";
     import { takeStart } from "${built}/start-gate.mjs";
     const [guard, log] = process.argv.slice(2);
     for (let turn = 0; turn < 5; turn++) {
       const started = await takeStart();
       closeSync(openSync(guard, "wx")); // EEXIST: somebody else is inside
       appendFileSync(log, "x");
       rmSync(guard);
       started();
       started();
     }`,
  );
  const holder = join(sandbox.dir, "holder.mjs");
  writeFileSync(
    holder,
    `import { takeStart } from "${built}/start-gate.mjs";
     await takeStart();
     process.send("held");
     setInterval(() => undefined, 1000);`,
  );
  const options = { env: sandbox.env };
  const killed = fork(holder, [], options);
  await once(killed, "message");
  const log = join(sandbox.dir, "log");
  const codes = ["a", "b", "c"].map(async () => {
    const [code] = await once(fork(script, [join(sandbox.dir, "guard"), log], options), "exit");
    return code;
  });
  killed.kill("SIGKILL");
  expect(await Promise.all(codes)).toEqual([0, 0, 0]);
  expect(readFileSync(log, "utf8")).toHaveLength(15);
  const started = await takeStart(sandbox.env);
  started();
});

test("a state that cannot be written keeps nothing from starting", async () => {
  const sandbox = closing(makeSandbox());
  mkdirSync(sandbox.state, { recursive: true });
  writeFileSync(join(sandbox.state, "starting"), "in the way");
  const started = await takeStart(sandbox.env);
  started();
  expect(readFileSync(join(sandbox.state, "starting"), "utf8")).toBe("in the way");
});
