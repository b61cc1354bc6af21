import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pipesIn } from "../../../shared/confine/pipes.ts";
import { closing } from "../../lab/cleanup.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

test("finds the pipes that services read their orders from, and nothing else", () => {
  const { dir } = closing(makeSandbox());
  mkdirSync(join(dir, "systemd/initctl/deep"), { recursive: true });
  writeFileSync(join(dir, "file"), "");
  const pipes = [join(dir, "initctl"), join(dir, "systemd/initctl/fifo")];
  execFileSync("mkfifo", [...pipes, join(dir, "systemd/initctl/deep/fifo")]);
  expect(pipesIn(dir).sort()).toEqual(pipes);
  expect(pipesIn(join(dir, "none"))).toEqual([]);
});
