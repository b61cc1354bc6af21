import * as z from "zod";
import { changeSchema, envelopeSchema } from "../../shared/callback/payload.ts";
import { RUN_STATES } from "../../shared/run/state.ts";

/** What several tools take or give. Lengths are bounded: a tool's input comes from a model. */

const NAME = /^[^\s\p{C}][^\p{C}]{0,99}$/u;

export const projectFields = {
  project_id: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,40}-[0-9a-f]{12}$/)
    .optional()
    .describe("A registered project's id (opencode_registry_get)."),
  repo_root: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe("Absolute path of a registered project's top folder. Without it: the project of this server."),
};

export const runField = z
  .string()
  .regex(/^r\d{8}T\d{6}-[0-9a-f]{6}$/)
  .describe("A run's id, as opencode_execute_task or `handrail runs` gives it.");

export const sessionField = z
  .string()
  .regex(/^ses_[A-Za-z0-9]{1,120}$/)
  .describe("An OpenCode session's id.");

export const agentField = z.string().regex(NAME).describe("An agent, as OpenCode names it.");

export const modelField = z
  .string()
  .regex(/^[^/\s]+\/\S{1,200}$/)
  .describe("provider/model");

export const taskField = z.string().regex(NAME).describe("The task's id.");

const key = z.string().regex(/^[^\s\p{C}]{1,500}$/u);

/** Who asks. Under Claude Code it is the session; it is never another one's. */
export const originFields = {
  origin_session_key: key.optional().describe("The key of the session that asks; not under Claude Code."),
  origin_session_id: key.optional().describe("The id of the session that asks; not under Claude Code."),
};

export const iso = z.iso.datetime({ offset: true });

/** Which project a tool has worked in. */
export const projectOut = { project_id: z.string(), repo_root: z.string() };

export const runState = z.enum(RUN_STATES);

export const serverOut = z.object({
  state: z.enum(["running", "starting", "stopped"]),
  opencode_server_url: z.string(),
  pid: z.number().optional(),
  version: z.string().optional(),
  started: z.string().optional(),
  reason: z.string().optional(),
  keep_alive_reason: z.string().optional(),
});

export const envelopeOut = z.object(envelopeSchema.shape);

export const changesOut = z.array(z.object(changeSchema.shape));
