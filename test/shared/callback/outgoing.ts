import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { putOutbox } from "../../../shared/callback/outbox.ts";
import type { CallbackPayload } from "../../../shared/callback/payload.ts";
import { DELIVERY, type DeliveryPolicy } from "../../../shared/callback/policy.ts";
import { targetFromEnv } from "../../../shared/callback/target.ts";
import { bundle } from "../../lab/bundle.ts";
import { closing } from "../../lab/cleanup.ts";
import { runProgram } from "../../lab/process.ts";
import { makeSandbox } from "../../lab/sandbox.ts";
import { samplePayload } from "./sample.ts";

/** Delivery as it is, but in milliseconds. */
export const FAST: DeliveryPolicy = {
  ...DELIVERY,
  attempts: 3,
  budgetMs: 20_000,
  connectMs: 2_000,
  totalMs: 2_000,
  baseWaitMs: 5,
  maxWaitMs: 50,
};

export const TOKEN = "tok-5ecretValue.42";

/** A project with a state folder of its own, which this process and its children use. */
export type Project = ReturnType<typeof makeProject>;

export function makeProject() {
  const sandbox = closing(makeSandbox());
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const root = `${sandbox.dir}/project`;
  return {
    ...sandbox,
    root,
    /** The environment of a process that knows the address and the token. */
    knowing: (url: string, token = TOKEN): NodeJS.ProcessEnv => ({
      ...sandbox.env,
      HANDRAIL_CALLBACK_URL: url,
      HANDRAIL_CALLBACK_TOKEN: token,
    }),
    /** Puts a callback for the environment's address into the outbox. */
    put: (id: string, env: NodeJS.ProcessEnv, more: Partial<CallbackPayload> = {}) =>
      putOutbox(root, samplePayload(id, more), { callback: targetFromEnv(env) }, env),
  };
}

/** Builds the detached deliverer, and `start.mjs`, which starts it, into a folder. */
export async function buildDeliverer(folder: string): Promise<void> {
  await bundle(folder, "shared/callback/flush-main.ts", "shared/callback/start.ts");
  renameSync(join(folder, "flush-main.mjs"), join(folder, "flush.mjs"));
}

/**
 * Runs a process that starts the deliverer and is gone at once.
 * @param built where `buildDeliverer` built
 * @returns whether it says that it started one
 */
export async function leave(
  built: string,
  project: Project,
  env: NodeJS.ProcessEnv,
  program = process.execPath,
): Promise<string> {
  const script = join(project.dir, "leave.mjs");
  writeFileSync(
    script,
    `import { startFlusher } from ${JSON.stringify(join(built, "start.mjs"))};
     console.log(startFlusher(${JSON.stringify(project.root)}, process.env));
     process.exit(0);`,
  );
  const { stdout, stderr, code } = await runProgram(program, [script], { cwd: project.dir, env });
  if (code !== 0 || stderr !== "") throw new Error(`it ended with ${code}: ${stderr}`);
  return stdout.trim();
}
