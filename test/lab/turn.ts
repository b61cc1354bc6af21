import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { vi } from "vitest";
import { inboxDir } from "../../shared/callback/inbox.ts";
import { bundle, nameAsBuilt } from "./bundle.ts";
import { closing } from "./cleanup.ts";
import { TASK, TASK_NAME } from "./delegation.ts";
import { type Finished, runProgram } from "./process.ts";
import { makeRepo, type Repo } from "./repo.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";

/** The modules of a turn, and what they start, built into a folder. */
export async function buildTurn(folder: string): Promise<void> {
  await bundle(
    folder,
    "test/lab/turn-process.ts",
    "shared/callback/flush-main.ts",
    "shared/confine/shell-main.ts",
    "test/lab/come-by.ts",
    "test/lab/calls-process.ts",
  );
  nameAsBuilt(folder);
}

export interface TurnLab {
  sandbox: Sandbox;
  repo: Repo;
  env: NodeJS.ProcessEnv;
  inbox: string;
  /** The command line of a turn: `turn-process.ts`. */
  turn(content: string, session?: string): string[];
  /** Runs one, with more in its environment. */
  live(content: string, env?: NodeJS.ProcessEnv, session?: string): Promise<Finished>;
}

/** A repository with a task, and a caller's inbox. To be called in a test. @param built where `buildTurn` built */
export function setUpTurn(built: string): TurnLab {
  const sandbox = closing(makeSandbox());
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
  closing({ close: () => vi.unstubAllEnvs() });
  const repo = makeRepo(join(sandbox.dir, "repo"), {
    files: { "src/a.ts": "export const a = 1;\n" },
    ignore: ["opencode_tasks/"],
    dirty: { [TASK_NAME]: TASK },
  });
  const inbox = inboxDir("session-1", sandbox.env);
  const env = { ...sandbox.env, HANDRAIL_INBOX: inbox, HANDRAIL_ORIGIN_SESSION_ID: "session-1" };
  const turn = (content: string, session = "ses_1") => [
    process.execPath,
    ...[join(built, "turn-process.mjs"), repo.root, session, TASK, content],
  ];
  return {
    ...{ sandbox, repo, env, inbox, turn },
    live(content, more = {}, session) {
      const [program = "", ...args] = turn(content, session);
      return runProgram(program, args, { cwd: repo.root, env: { ...env, ...more } });
    },
  };
}

/** Why a small file system of its own cannot be had here; undefined where it can. */
export function noSmallDisk(): string | undefined {
  const { status, stderr } = spawnSync("unshare", ["-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
    encoding: "utf8",
  });
  return status === 0
    ? undefined
    : `no file system of its own can be mounted here: ${stderr ?? "no unshare"}`;
}
