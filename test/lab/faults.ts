import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { flushOutbox } from "../../shared/callback/flush.ts";
import { inboxDir } from "../../shared/callback/inbox.ts";
import { listOutbox } from "../../shared/callback/outbox.ts";
import { DELIVERY } from "../../shared/callback/policy.ts";
import { FAULT_POINTS, type FaultPoint } from "../../shared/fault.ts";
import { reap } from "../../shared/run/reap.ts";
import { bundleFaulty, nameAsBuilt } from "./bundle.ts";
import { TASK, TASK_NAME } from "./delegation.ts";
import { type Gateway, startGateway } from "./openclaw-gateway.ts";
import { processesMentioning, projectRoot, runProgram, until } from "./process.ts";
import { makeRepo, type Repo } from "./repo.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";

const TOKEN = "lab-token-0123";
const PATIENCE = { ...DELIVERY, attempts: 3, baseWaitMs: 5, maxWaitMs: 50, totalMs: 5_000 };

/** What became of the callbacks of turns that were killed at one point. */
export interface Row {
  point: FaultPoint;
  /** Processes that were ended there with SIGKILL. */
  killed: number;
  /** Callbacks that had to come, one a turn. */
  sent: number;
  /** Of them, at the gateway and in the conversation. */
  lost: number;
  doubled: number;
}

export interface FaultLab {
  sandbox: Sandbox;
  repo: Repo;
  gateway: Gateway;
  /** The folder with the faulty builds. */
  built: string;
  session: string;
  /** The environment of a turn that is killed at a point, once. */
  env(point?: FaultPoint): NodeJS.ProcessEnv;
  /** Whether the kill has come since `env` was asked for it. */
  struck(): boolean;
  /** Runs Claude's hook as Claude Code does. @returns what it printed */
  hook(env: NodeJS.ProcessEnv): Promise<string>;
  /** Writes to the conversation what a hook printed, as Claude Code does. */
  hear(printed: string): void;
  /** How often the conversation tells a callback. */
  told(id: string): number;
  close(): Promise<void>;
}

/** The modules of a turn, the deliverer and the hooks, built with their kill points. */
export async function buildFaulty(folder: string): Promise<void> {
  await bundleFaulty(
    folder,
    "test/lab/turn-process.ts",
    "shared/callback/flush-main.ts",
    "shared/confine/shell-main.ts",
  );
  nameAsBuilt(folder);
  await build({
    entryPoints: ["claim", "session-start"].map((name) => `claude-hooks/hooks/${name}.ts`),
    absWorkingDir: projectRoot,
    outdir: join(folder, "hooks"),
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    mainFields: ["module", "main"],
    define: { __HANDRAIL_FAULTS__: "true" },
    logLevel: "error",
  });
}

/** A repository with a task, a gateway, and a conversation of Claude's. `process.env` must name its state folder. */
export async function openFaultLab(): Promise<FaultLab> {
  const sandbox = makeSandbox("handrail-faults-");
  const gateway = await startGateway({ token: TOKEN, allowRequestSessionKey: true });
  const repo = makeRepo(join(sandbox.dir, "repo"), {
    files: { "src/a.ts": "export const a = 1;\n" },
    ignore: ["opencode_tasks/"],
    dirty: { [TASK_NAME]: TASK },
  });
  const built = join(sandbox.dir, "built");
  await buildFaulty(built);
  const session = "session-1";
  const inbox = inboxDir(session, sandbox.env);
  const data = join(sandbox.dir, "data");
  const transcript = join(sandbox.dir, "transcript.jsonl");
  const once = join(sandbox.dir, "struck");
  mkdirSync(join(data, "sessions"), { recursive: true });
  writeFileSync(join(data, "sessions", session), `${inbox}\n`);
  writeFileSync(transcript, "");
  let conversation = "";
  return {
    sandbox,
    repo,
    gateway,
    built,
    session,
    env(point) {
      rmSync(once, { force: true });
      return {
        ...sandbox.env,
        HANDRAIL_INBOX: inbox,
        HANDRAIL_ORIGIN_SESSION_ID: session,
        HANDRAIL_CALLBACK_URL: gateway.url,
        HANDRAIL_CALLBACK_TOKEN: TOKEN,
        ...(point === undefined ? {} : { HANDRAIL_FAULT: point, HANDRAIL_FAULT_ONCE: once }),
      };
    },
    struck: () => existsSync(once),
    async hook(env) {
      const event = {
        session_id: session,
        cwd: repo.root,
        hook_event_name: "UserPromptSubmit",
        transcript_path: transcript,
      };
      const { stdout } = await runProgram(process.execPath, [join(built, "hooks/claim.cjs")], {
        cwd: repo.root,
        env: { ...env, CLAUDE_PLUGIN_DATA: data },
        stdin: JSON.stringify(event),
      });
      return stdout;
    },
    hear(printed) {
      conversation += printed;
      appendFileSync(transcript, `${printed}\n`);
      // The conversation goes on, and is written down.
      const later = Date.now() / 1000 + 60;
      utimesSync(transcript, later, later);
    },
    told: (id) => conversation.split(`[${id}]`).length - 1,
    async close() {
      await gateway.close();
      await sandbox.close();
    },
  };
}

/**
 * Lets one turn be killed at a point, lets the next processes come by, and counts what came of its callback.
 * @param nth makes the turn's work another than the one before
 * @param heard whether Claude Code takes what a hook printed that was killed before it ended
 */
export async function killedAt(
  lab: FaultLab,
  point: FaultPoint,
  nth: number,
  heard: boolean,
): Promise<Omit<Row, "point">> {
  const inHook = includes(FAULT_POINTS.hook, point);
  const before = new Set(listOutbox(lab.repo.root).map(({ payload }) => payload.callback_id));
  const runs = lab.gateway.runs.length;
  const env = lab.env(inHook ? undefined : point);
  await turn(lab, env, nth);
  if (includes(FAULT_POINTS.deliverer, point)) await until("the kill", lab.struck);
  await comeBy(lab, env);
  if (inHook) {
    const printed = await lab.hook(lab.env(point));
    lab.hear(heard ? printed : "");
  }
  const killed = lab.struck() ? 1 : 0;
  // Twice: what comes back comes back to the next one.
  for (let times = 0; times < 2; times++) lab.hear(await lab.hook(lab.env()));
  const ids = listOutbox(lab.repo.root)
    .map(({ payload }) => payload.callback_id)
    .filter((id) => !before.has(id));
  const counts = [lab.gateway.runs.length - runs, ids.reduce((sum, id) => sum + lab.told(id), 0)];
  return {
    killed,
    sent: 1,
    lost: counts.filter((count) => count === 0).length,
    doubled: counts.filter((count) => count > 1).length,
  };
}

function turn(lab: FaultLab, env: NodeJS.ProcessEnv, nth: number): Promise<unknown> {
  const script = join(lab.built, "turn-process.mjs");
  const args = [script, lab.repo.root, `ses_${nth}`, TASK, `export const a = "${nth}";\n`];
  const child = spawn(process.execPath, args, { cwd: lab.repo.root, env, stdio: "ignore" });
  return new Promise((resolve) => child.on("close", resolve));
}

/** The next Handrail process, until nothing is under way any more. */
async function comeBy(lab: FaultLab, env: NodeJS.ProcessEnv): Promise<void> {
  const { HANDRAIL_FAULT: _, HANDRAIL_FAULT_ONCE: __, ...calm } = env;
  await reap(lab.repo.root, calm);
  await until("delivery", async () => {
    await flushOutbox(lab.repo.root, { env: calm, policy: PATIENCE });
    const targets = listOutbox(lab.repo.root).flatMap((entry) => entry.targets);
    return targets.length > 0 && targets.every(({ state }) => state === "delivered");
  });
  await until("deliverers to end", () => (processesMentioning(lab.sandbox.dir) ?? []).length === 0);
}

function includes(points: readonly FaultPoint[], point: FaultPoint): boolean {
  return points.includes(point);
}

/** The rows as a table, with their sums. */
export function table(rows: readonly Row[]): string {
  const sum = (field: "killed" | "sent" | "lost" | "doubled") =>
    rows.reduce((total, row) => total + row[field], 0);
  const lines = [
    ["kill point", "killed", "sent", "lost", "doubled"],
    ...rows.map((row) => [row.point, row.killed, row.sent, row.lost, row.doubled].map(String)),
    ["all", ...(["killed", "sent", "lost", "doubled"] as const).map((field) => String(sum(field)))],
  ];
  return lines
    .map(([name = "", ...cells]) => [name.padEnd(18), ...cells.map((cell) => cell.padStart(8))].join(""))
    .join("\n");
}
