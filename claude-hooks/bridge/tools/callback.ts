import * as z from "zod";
import { agentHook } from "../../../shared/callback/openclaw.ts";
import { ATTENDED } from "../../../shared/callback/policy.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { EVENT_KINDS, evaluateLifecycle } from "../../../shared/run/lifecycle.ts";
import { reap } from "../../../shared/run/reap.ts";
import { isOver } from "../../../shared/run/record.ts";
import { payloadOf } from "../../../shared/run/report.ts";
import { readHostEvent } from "../../../shared/serve/host-event.ts";
import { callbackOf } from "../callback.ts";
import { projectFields, runField, runState } from "../fields.ts";
import { requireRunOf } from "../project.ts";
import { defineTool, WORKS } from "../tool.ts";

/** `opencode_callback_from_event` */
export const callbackFromEvent = defineTool({
  name: "opencode_callback_from_event",
  title: "Callback from an event",
  description:
    "Takes a raw OpenCode event of a run the way to its callback: normalises it, says whether it ends the turn, and shows the callback and how far it has come. An event from a caller is no evidence: it never ends a run that still works, and never makes a second callback. With deliver, what is pending is delivered now.",
  input: z.strictObject({
    ...projectFields,
    run_id: runField,
    event: z
      .looseObject({ type: z.string().min(1).max(200), properties: z.looseObject({}).optional() })
      .describe("As OpenCode's event stream has it: {type, properties}."),
    deliver: z.boolean().optional().describe("Deliver this run's callback now, where it is pending."),
  }),
  output: z.object({
    run_id: z.string(),
    event: z.object({
      kind: z.enum(EVENT_KINDS),
      type: z.string(),
      session: z.string().optional(),
      text: z.string().optional(),
      terminal: z.boolean(),
    }),
    /** The run's own state: that of its record, whatever the event says. */
    state: runState,
    callback: z.object({
      callback_id: z.string(),
      state: z.enum(["none", "pending", "delivered", "failed"]),
      targets: z.array(z.object({ target: z.string(), state: z.string(), error: z.string().optional() })),
    }),
    /** What an OpenClaw gateway is, or would be, sent. */
    hook: z.object({
      agentId: z.string().optional(),
      sessionKey: z.string().optional(),
      message: z.string(),
      idempotencyKey: z.string(),
    }),
    why: z.string(),
  }),
  annotations: { ...WORKS, destructiveHint: false, idempotentHint: true },
  async run(asked, { bridge }) {
    const { root, session } = requireRunOf(bridge, asked.run_id, asked);
    const event = readHostEvent(asked.event);
    if (!event) {
      throw new HandrailError("bad-input", "that is no event of OpenCode's", {
        fix: "give {type, properties} as the event stream has it",
      });
    }
    if (event.session !== undefined && event.session !== session) {
      throw new HandrailError(
        "bad-input",
        `the event is of session ${event.session}, the run's is ${session ?? "none"}`,
        {
          fix: "give the event of the run's own session",
        },
      );
    }
    await reap(root, bridge.env);
    const { terminal } = evaluateLifecycle({ kind: event.kind, at: Date.now() }, Date.now());
    const closed = isOver(requireRunOf(bridge, asked.run_id, { repo_root: root }));
    if (asked.deliver && closed) {
      const { callback_id } = payloadOf(requireRunOf(bridge, asked.run_id, { repo_root: root }));
      // With its HTTP client: loaded when it is used, since every Claude session starts this server.
      const { flushOutbox } = await import("../../../shared/callback/flush.ts");
      await flushOutbox(root, { env: bridge.env, policy: ATTENDED, only: callback_id });
    }
    const record = requireRunOf(bridge, asked.run_id, { repo_root: root });
    const { agentId, sessionKey, message, idempotencyKey } = agentHook(payloadOf(record));
    return {
      run_id: record.run_id,
      event: { ...event, terminal },
      state: record.state,
      callback: callbackOf(record),
      hook: {
        ...(agentId === undefined ? {} : { agentId }),
        ...(sessionKey === undefined ? {} : { sessionKey }),
        message,
        idempotencyKey,
      },
      why: whyOf(closed, terminal),
    };
  },
});

function whyOf(closed: boolean, terminal: boolean): string {
  if (closed) return "the turn is closed, from evidence; this is its one callback";
  return terminal
    ? "the event ends a turn, and the run's own record does not have that yet: its plugin closes it, or whoever finds it lost"
    : "the event does not end a turn: there is no callback yet";
}
