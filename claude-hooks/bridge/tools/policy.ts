import * as z from "zod";
import { checkHookPolicy, hookPolicySchema } from "../../../shared/callback/hook-policy.ts";
import { agentHook } from "../../../shared/callback/openclaw.ts";
import { type CallbackPayload, payloadSchema } from "../../../shared/callback/payload.ts";
import { hookSessionKey } from "../../../shared/callback/routing.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { payloadOf } from "../../../shared/run/report.ts";
import type { Bridge } from "../bridge.ts";
import { agentField, projectFields, runField, taskField } from "../fields.ts";
import { requireRunOf } from "../project.ts";
import { defineTool, LOOKS } from "../tool.ts";

const sessionKey = z
  .string()
  .max(512)
  .describe("The session key that would be asked for; by default hook:opencode:<agent>:<task>.");

const input = z.strictObject({
  ...projectFields,
  policy: z
    .looseObject(hookPolicySchema.shape)
    .describe("The gateway's `hooks` settings, as in its configuration; leave the token out."),
  run_id: runField.optional().describe("Check the callback of this run, as it would be sent."),
  agent_id: agentField.optional(),
  session_key: sessionKey.optional(),
  task_id: taskField.optional(),
});

const output = z.object({
  compatible: z.boolean(),
  /** What the gateway would answer; absent where its hooks would not even start. */
  status: z.number().optional(),
  problems: z.array(
    z.object({
      field: z.string(),
      status: z.number().optional(),
      message: z.string(),
      fix: z.string(),
    }),
  ),
  request: z.object({
    agent_id: z.string(),
    session_key: z.string(),
    bytes: z.number(),
    token: z.enum(["set", "missing"]),
    path: z.string().optional(),
  }),
  /** What cannot be told without calling the gateway. */
  note: z.string(),
});

/** `opencode_check_hook_policy` */
export const checkPolicy = defineTool({
  name: "opencode_check_hook_policy",
  title: "Check a hook policy",
  description:
    "Says whether an OpenClaw gateway with these `hooks` settings would take a callback for an agent and session key, and which setting to change if not. Sends nothing.",
  input,
  output,
  annotations: LOOKS,
  run(asked, { bridge }) {
    const request = requestOf(asked, bridge);
    const problems = checkHookPolicy(asked.policy, {
      agentId: request.agent_id,
      sessionKey: request.session_key,
      bytes: request.bytes,
      token: request.token === "set",
      path: request.path,
    });
    const [first] = problems;
    return {
      compatible: first === undefined,
      ...(first === undefined ? { status: 200 } : first.status ? { status: first.status } : {}),
      problems,
      request,
      note: "Whether the token is the gateway's own is not known before it is sent.",
    };
  },
});

function requestOf(asked: z.infer<typeof input>, bridge: Bridge) {
  const payload =
    asked.run_id === undefined ? sample(asked) : payloadOf(requireRunOf(bridge, asked.run_id, asked));
  const hook = agentHook(payload);
  const token = bridge.env.HANDRAIL_CALLBACK_TOKEN?.trim() ? ("set" as const) : ("missing" as const);
  const url = bridge.env.HANDRAIL_CALLBACK_URL?.trim();
  return {
    agent_id: hook.agentId ?? "",
    session_key: hook.sessionKey ?? "",
    bytes: Buffer.byteLength(JSON.stringify(hook)),
    token,
    ...(url && URL.canParse(url) ? { path: new URL(url).pathname } : {}),
  };
}

/** A callback with nothing in it but where it goes. */
function sample({
  agent_id: agent,
  task_id: task,
  session_key: key,
}: z.infer<typeof input>): CallbackPayload {
  if (agent === undefined || (task === undefined && key === undefined)) {
    throw new HandrailError("bad-input", "what would be sent is not said", {
      fix: "give run_id, or agent_id with session_key or task_id",
    });
  }
  const taskId = task ?? "task";
  return payloadSchema.parse({
    schema: 1,
    callback_id: "check",
    run_id: "r00000000T000000-000000",
    task_id: taskId,
    turn: 1,
    state: "done",
    changes: [],
    refusals: [],
    quarantine: [],
    validation: [],
    next: "",
    created: new Date().toISOString(),
    envelope: {
      task_id: taskId,
      run_id: "r00000000T000000-000000",
      agent_id: agent,
      requested_agent_id: agent,
      resolved_agent_id: agent,
      session_key: key ?? hookSessionKey(agent, taskId),
      origin_session_key: "none",
      callback_target_session_key: "none",
      project_id: "",
      repo_root: "/",
      opencode_server_url: "",
    },
  });
}
