import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";

test("leaves something behind, or nothing", () => {
  if (process.env.LEAVES === "file") writeFileSync(join(tmpdir(), "forgotten.txt"), "x");
  if (process.env.LEAVES === "process") spawn("sleep", ["600"], { detached: true, stdio: "ignore" }).unref();
  if (process.env.LEAVES === "listener") {
    const listens = 'require("node:http").createServer().listen(0, "127.0.0.1")';
    spawn(process.execPath, ["-e", listens], {
      cwd: tmpdir(),
      env: {},
      detached: true,
      stdio: "ignore",
    }).unref();
  }
});
