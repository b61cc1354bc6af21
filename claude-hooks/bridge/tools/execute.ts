import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { requireRouting } from "../../../shared/callback/routing.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { loadConfig } from "../../../shared/config/config.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { envelopeFor } from "../../../shared/run/create.ts";
import { handoffOf, handoffSchema } from "../../../shared/run/handoff.ts";
import { isOver, newRunId, type Origin, type RunRecord } from "../../../shared/run/record.ts";
import { readRun } from "../../../shared/run/store.ts";
import { currentJob, isOpenJob, type Job, jobFile, readJobFile } from "../../../shared/serve/job.ts";
import { requireOpencode } from "../../../shared/serve/program.ts";
import { type Handover, handoffChecklist } from "../../companion/handoff/checklist.ts";
import { jobError } from "../../companion/serve/job-error.ts";
import { startJob } from "../../companion/serve/worker.ts";
import { agentField, changesOut, modelField, originFields, projectFields, projectOut } from "../fields.ts";
import { originOf } from "../origin.ts";
import { requireProject } from "../project.ts";
import { requireTaskInside } from "../task.ts";
import { type CallContext, defineTool, WORKS } from "../tool.ts";

const LOOK_MS = 200;

/** `opencode_execute_task` */
export const executeTask = defineTool({
  name: "opencode_execute_task",
  title: "Execute a task",
  description:
    "Hands a task file or coding packet to OpenCode: captures the baseline, finds or starts the project's server, creates a session bound to the task's scope, prompts it and watches it. Returns at once with run_id and session_id; the report comes back as one callback to the session that asked. With wait it returns when the turn is over.",
  input: z.strictObject({
    ...projectFields,
    ...originFields,
    task_file: z
      .string()
      .min(1)
      .max(4096)
      .describe(
        "The task file or packet, from the project's top folder; usually opencode_tasks/<date>-<slug>.txt.",
      ),
    lane: z.enum(["serve", "cli"]).optional().describe("serve by default; cli is one `opencode run`."),
    agent: agentField.optional(),
    model: modelField.optional(),
    wait: z.boolean().optional().describe("Wait for the end of the turn; false by default."),
    wait_minutes: z
      .number()
      .positive()
      .max(240)
      .optional()
      .describe("How long to wait; 30 by default. The run goes on after that."),
    keep_server_reason: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        "Why a server that is started for this task stays when it is over; without it, it is stopped.",
      ),
  }),
  output: z.object({
    ...projectOut,
    job_id: z.string(),
    run_id: z.string(),
    session_id: z.string().optional(),
    task_id: z.string(),
    state: z.string(),
    verdict: z.string().optional(),
    /** The report that the outer agent owes (requirements: mandatory reporting after execution handoff). */
    handoff: z.object(handoffSchema.shape),
    /** With wait: whether the turn was over in time, and its evidence. */
    waited: z.boolean(),
    text: z.string().optional(),
    changes: changesOut.optional(),
    next: z.string(),
  }),
  annotations: WORKS,
  async run(asked, context) {
    const { bridge, say } = context;
    const project = requireProject(bridge, asked);
    const root = project.repo_root;
    const config = loadConfig(root);
    const { file, spec } = requireTaskInside(root, asked.task_file);
    requireOpencode(root, bridge.env);
    const origin = originOf(bridge, asked);
    const env = environmentFor(bridge.env, origin);
    if (spec.packet) requireReady({ root, file, spec, config, env });
    const lane = asked.lane ?? "serve";
    // As the run itself will check it; before a process is started for it.
    requireRouting(envelopeFor(newRunId(), { root, spec, origin, agent: asked.agent }), {
      expectCallback: Boolean(origin.session_id || origin.session_key),
    });
    say(`${lane} lane: the run starts`);
    const args = ["run", file, "--lane", lane];
    for (const [name, value] of [
      ["--model", asked.model],
      ["--agent", asked.agent],
      ["--keep-server", asked.keep_server_reason],
    ]) {
      if (value !== undefined) args.push(`${name}=${value}`);
    }
    const started = await startJob({ kind: "run", root, args, env });
    const job = asked.wait ? await waitFor(started, asked.wait_minutes ?? 30, context) : started;
    const run = job.run_id === undefined ? undefined : readRun(root, job.run_id);
    if (!run) throw jobError(job);
    const over = asked.wait === true && isOver(run);
    return {
      project_id: project.project_id,
      repo_root: root,
      job_id: job.job_id,
      run_id: run.run_id,
      ...(run.session === undefined ? {} : { session_id: run.session }),
      task_id: run.task_id,
      state: run.state,
      ...(run.verdict === undefined ? {} : { verdict: run.verdict }),
      handoff: handoffOf(run),
      waited: over,
      ...(over ? { text: callbackText(reportSchema.parse(run)), changes: run.changes.slice(0, 100) } : {}),
      next: nextOf(run, asked.wait === true),
    };
  },
});

/** A packet that fails its checklist is not handed over (requirements: bridge-aware checklist). */
function requireReady(handover: Handover): void {
  const problems = handoffChecklist(handover).filter(({ status }) => status === "problem");
  if (problems.length === 0) return;
  const said = problems.map(({ name, message }) => `${name}: ${message}`).join("; ");
  throw new HandrailError("bad-input", `the packet is not ready to be handed over: ${said}`, {
    fix: `handrail doctor --handoff ${handover.file}`,
  });
}

/** Who asks, as every command of Handrail's reads it. */
function environmentFor(env: NodeJS.ProcessEnv, origin: Origin): NodeJS.ProcessEnv {
  const { HANDRAIL_ORIGIN_SESSION_ID, HANDRAIL_ORIGIN_SESSION_KEY, HANDRAIL_INBOX, ...rest } = env;
  return {
    ...rest,
    ...(origin.session_id === undefined ? {} : { HANDRAIL_ORIGIN_SESSION_ID: origin.session_id }),
    ...(origin.session_key === undefined ? {} : { HANDRAIL_ORIGIN_SESSION_KEY: origin.session_key }),
    ...(origin.inbox === undefined ? {} : { HANDRAIL_INBOX: origin.inbox }),
  };
}

/** Waits until the job is over, for a bounded time; what is not over then goes on. */
async function waitFor(job: Job, minutes: number, { signal, say }: CallContext): Promise<Job> {
  const end = Date.now() + minutes * 60_000;
  const file = jobFile(job.directory, job.job_id);
  let shown = 0;
  for (;;) {
    const now = currentJob(readJobFile(file) ?? job);
    if (!isOpenJob(now) || signal.aborted || Date.now() > end) return now;
    // A client's patience is renewed by progress.
    if (Date.now() - shown > 5000) {
      shown = Date.now();
      say(`run ${now.run_id ?? ""} goes on`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

function nextOf(run: RunRecord, waited: boolean): string {
  if (isOver(run)) return run.next;
  const status = `opencode_run_status with run_id ${run.run_id}`;
  return waited ? `it goes on; ${status}` : `wait for the callback; if it is late: ${status}`;
}
