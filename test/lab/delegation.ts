import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { closing } from "./cleanup.ts";
import type { ModelServer } from "./model-server.ts";
import { startOpenAiServer } from "./openai-server.ts";
import { type Opencode, setUpOpencode } from "./opencode.ts";
import { projectRoot } from "./process.ts";
import { makeRepo, type Repo, type RepoOptions } from "./repo.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";
import type { Script } from "./script.ts";

/** The built plugin, as a path in the user's OpenCode configuration names it. */
export const PLUGIN = join(projectRoot, "opencode-plugin/dist/index.js");

export const TASK_NAME = "opencode_tasks/20261121-change-a.txt";
export const TASK = `Change the "a" constant

Files to modify:
- src/a.ts
- src/lib/

Do not:
- touch src/lib/secret.ts
- commit or stage anything
`;

export interface Delegation {
  sandbox: Sandbox;
  model: ModelServer;
  repo: Repo;
  opencode: Opencode;
  /** Callbacks in the project's own inbox, where runs without a caller call back. */
  callbacks(): Record<string, unknown>[];
  /** The run records, oldest first. */
  runs(): Record<string, unknown>[];
}

export interface DelegationOptions {
  modelId?: string;
  plugins?: string[];
  env?: NodeJS.ProcessEnv;
  repo?: RepoOptions;
  /** Name of the repository's folder. */
  at?: string;
  config?: Record<string, unknown>;
  /** The model's window, in tokens. */
  limit?: { context: number; output: number };
}

/** A repository with a task file and a user's edits, and the real opencode with Handrail's plugin. To be called in a test. */
export async function setUpDelegation(script: Script, options: DelegationOptions = {}): Promise<Delegation> {
  const sandbox = closing(makeSandbox());
  const model = closing(await startOpenAiServer(script));
  const repo = makeRepo(join(sandbox.dir, options.at ?? "repo"), {
    files: {
      "README.md": "# Sample\n",
      "package.json": '{"name":"sample","version":"1.0.0","type":"module"}\n',
      "src/a.ts": "export const a = 1;\n",
      "src/b.ts": "export const b = 2;\n",
      "src/lib/x.ts": "export const x = 1;\n",
      "src/lib/secret.ts": "export const secret = 1;\n",
    },
    ignore: ["node_modules/", "*.log", "opencode_tasks/"],
    dirty: { "README.md": "# Sample, edited by the user\n", "notes.txt": "mine\n", [TASK_NAME]: TASK },
    ...options.repo,
  });
  const opencode = setUpOpencode({
    sandbox,
    modelUrl: model.url,
    plugins: options.plugins ?? [PLUGIN],
    ...(options.modelId ? { modelId: options.modelId } : {}),
    ...(options.env ? { env: options.env } : {}),
    ...(options.limit ? { limit: options.limit } : {}),
    ...(options.config ? { config: options.config } : {}),
  });
  return {
    sandbox,
    model,
    repo,
    opencode,
    callbacks: () => jsonFiles(projectState(sandbox), "inbox"),
    runs: () => runRecords(sandbox),
  };
}

/** The one project's state folder of a sandbox. */
export function projectState(sandbox: Sandbox): string {
  const projects = join(sandbox.state, "projects");
  const [only] = existsSync(projects) ? readdirSync(projects) : [];
  return join(projects, only ?? "none");
}

/** The run records of a sandbox with one project, oldest first. */
export function runRecords(sandbox: Sandbox): Record<string, unknown>[] {
  const runs = join(projectState(sandbox), "runs");
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .sort()
    .map((id) => join(runs, id, "run.json"))
    .filter((file) => existsSync(file)) // one that is just being made has none yet
    .map((file) => JSON.parse(readFileSync(file, "utf8")));
}

function jsonFiles(folder: string, name: string): Record<string, unknown>[] {
  const dir = join(folder, name);
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(dir, file), "utf8")));
}
