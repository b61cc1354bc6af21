import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { vi } from "vitest";
import { DEFAULT_SCRATCH } from "../../shared/config/config.ts";
import { MECHANISMS, type Mechanism, type Policy } from "../../shared/confine/policy.ts";
import { probe } from "../../shared/confine/probe.ts";
import { removeTree } from "../../shared/confine/remove.ts";
import { type HeldResult, runConfined } from "../../shared/confine/run.ts";
import { prepareShell, type Shell } from "../../shared/confine/shell.ts";
import type { Rule, Scope } from "../../shared/task/spec.ts";
import { openRepository } from "../../shared/tree/repository.ts";
import { applier } from "./applier.ts";
import { makeRepo, type Repo, type RepoOptions } from "./repo.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";

// A bubblewrap that is not installed.
if (process.env.HANDRAIL_TEST_BWRAP) {
  process.env.PATH = `${process.env.PATH}:${dirname(process.env.HANDRAIL_TEST_BWRAP)}`;
}

/** Tried on a repository of their own: what this machine can hold a command with. */
export const mechanisms: Mechanism[] = await available();
if (mechanisms.length === 0) console.log("confinement is not tried: this machine has no overlay for us");

async function available(): Promise<Mechanism[]> {
  const sandbox = makeSandbox("handrail-probe-");
  const before = process.env.HANDRAIL_STATE_DIR;
  try {
    process.env.HANDRAIL_STATE_DIR = sandbox.state;
    makeRepo(join(sandbox.dir, "repo"));
    const tree = await openRepository(join(sandbox.dir, "repo"));
    return MECHANISMS.filter((mechanism) => {
      const found = probe(tree, [mechanism]);
      if (found.kind === "none") console.log(`${mechanism} is not tried: ${found.reason}`);
      return found.kind === "overlay";
    });
  } finally {
    if (before === undefined) delete process.env.HANDRAIL_STATE_DIR;
    else process.env.HANDRAIL_STATE_DIR = before;
    await sandbox.close();
  }
}

// Before a sandbox's environment is in force: esbuild's service outlives it.
applier();

export interface HeldOptions {
  mechanism?: Mechanism;
  repo?: RepoOptions;
  /** Where the repository is made, from the sandbox's folder. */
  at?: string;
  allow?: string[];
  forbid?: string[];
  inspect?: string[];
  rules?: Rule[];
  noRead?: string[];
  /** What applies layers, in place of the built program alone. */
  applier?: (sandbox: Sandbox) => Policy["applier"];
  /** Changes the environment before the shell is prepared. */
  env?: (sandbox: Sandbox) => NodeJS.ProcessEnv;
  /** Does more to the repository before the shell is prepared; what it returns is the working tree held. */
  arrange?: (repo: Repo, sandbox: Sandbox) => string | undefined;
}

export interface HeldRepo {
  repo: Repo;
  sandbox: Sandbox;
  shell: Shell;
  runDir: string;
  run(command: string, cwd?: string): Promise<HeldResult>;
  /** Prepares the shell again, as for a later turn of the run. */
  again(): void;
  close(): Promise<void>;
}

/** Makes a repository and the shell of a run in it. The environment is the sandbox's until it is closed. */
export async function holdRepo(options: HeldOptions = {}): Promise<HeldRepo> {
  const sandbox = makeSandbox();
  const env = { ...sandbox.env, ...options.env?.(sandbox) };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  if (options.mechanism) vi.stubEnv("HANDRAIL_CONFINEMENT", options.mechanism);
  const repo = makeRepo(join(sandbox.dir, options.at ?? "repo"), options.repo);
  const tree = await openRepository(options.arrange?.(repo, sandbox) ?? repo.root);
  const runDir = join(sandbox.state, "runs", randomBytes(4).toString("hex"));
  mkdirSync(runDir, { recursive: true });
  const scope: Scope = {
    allow: options.allow ?? ["src/a.ts", "src/lib/**"],
    ...{ inspect: options.inspect ?? [], forbid: options.forbid ?? [] },
    ...{ rules: options.rules ?? [], noRead: options.noRead ?? [] },
  };
  const applierOf = options.applier?.(sandbox) ?? applier();
  const prepare = () => prepareShell({ tree, runDir, scope, scratch: DEFAULT_SCRATCH, applier: applierOf });
  const shell = prepare();
  return {
    ...{ repo, sandbox, shell, runDir },
    again: () => void prepare(),
    run: (command, cwd = tree.root) => runConfined({ ...shell, runDir, command, cwd, buffer: true }),
    async close() {
      vi.unstubAllEnvs();
      if (shell.policy && existsSync(shell.policy.work)) removeTree(shell.policy.work);
      await sandbox.close();
    },
  };
}
