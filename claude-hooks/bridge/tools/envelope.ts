import * as z from "zod";
import { checkRouting, type RoutingProblem, usedFallback } from "../../../shared/callback/routing.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { envelopeFor } from "../../../shared/run/create.ts";
import { newRunId } from "../../../shared/run/record.ts";
import { agentField, envelopeOut, originFields, projectFields, runField, taskField } from "../fields.ts";
import { originOf } from "../origin.ts";
import { requireProject } from "../project.ts";
import { serverOf } from "../serve.ts";
import { requireTaskInside } from "../task.ts";
import { defineTool, LOOKS } from "../tool.ts";

const target = z.string().max(500);

/** `opencode_build_envelope` */
export const buildEnvelope = defineTool({
  name: "opencode_build_envelope",
  title: "Build a routing envelope",
  description:
    "Builds the routing envelope of a run and checks that its callback would reach the session that asks, and no other. Missing or inconsistent routing is an error. Starts and records nothing.",
  input: z.strictObject({
    ...projectFields,
    ...originFields,
    task_id: taskField.optional(),
    task_file: z.string().min(1).max(4096).optional().describe("Instead of task_id: the file that has it."),
    run_id: runField.optional(),
    agent_id: agentField.optional().describe("The agent that is asked for; OpenCode's `build` by default."),
    resolved_agent_id: agentField
      .optional()
      .describe("The agent that would do the work, where that is known."),
    callback_target_session_key: target.optional(),
    callback_target_session_id: target.optional(),
    lane: z.enum(["serve", "cli"]).optional().describe("`serve` by default: a server has to run then."),
    expect_callback: z.boolean().optional().describe("true by default: it must be told who asks."),
    channel: target.optional(),
    to: target.optional(),
    deliver: z.boolean().optional(),
    priority: z.enum(["low", "normal", "high", "urgent"]).optional(),
  }),
  output: z.object({ envelope: envelopeOut, fallback_used: z.boolean(), callback_expected: z.boolean() }),
  annotations: LOOKS,
  run(asked, { bridge }) {
    const project = requireProject(bridge, asked);
    const root = project.repo_root;
    const slug = asked.task_id ?? (asked.task_file && requireTaskInside(root, asked.task_file).spec.slug);
    if (!slug)
      throw new HandrailError("bad-input", "the task is not named", { fix: "give task_id or task_file" });
    const lane = asked.lane ?? "serve";
    const expectCallback = asked.expect_callback ?? true;
    const built = envelopeFor(asked.run_id ?? newRunId(), {
      root,
      spec: { slug },
      origin: originOf(bridge, asked),
      agent: asked.agent_id,
      serverUrl: lane === "serve" ? serverOf(root).opencode_server_url : "",
    });
    const { resolved_agent_id, callback_target_session_key, callback_target_session_id } = asked;
    const { channel, to, deliver, priority } = asked;
    const given = {
      resolved_agent_id,
      callback_target_session_key,
      callback_target_session_id,
      channel,
      to,
      deliver,
      priority,
    };
    const said = Object.entries(given).filter(([, value]) => value !== undefined);
    const envelope = { ...built, ...Object.fromEntries(said) };
    refuse(checkRouting(envelope, { expectCallback, expectServer: lane === "serve" }));
    return { envelope, fallback_used: usedFallback(envelope), callback_expected: expectCallback };
  },
});

/** @throws HandrailError `routing` that names every problem, and what to give for the first */
function refuse(problems: readonly RoutingProblem[]): void {
  const [first] = problems;
  if (!first) return;
  throw new HandrailError("routing", problems.map(({ message }) => message).join("; "), {
    fix:
      first.field === "opencode_server_url"
        ? "opencode_serve_spawn first, or lane: cli"
        : /session/.test(first.field)
          ? "give origin_session_key (and origin_session_id) of the session that asks, or expect_callback: false"
          : "name the agent as OpenCode does: what does not resolve is never replaced",
  });
}
