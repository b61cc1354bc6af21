import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Envelope } from "../callback/payload.ts";
import { callerKey, hookSessionKey, requireRouting } from "../callback/routing.ts";
import { targetFromEnv } from "../callback/target.ts";
import { freezeSurroundings } from "../scope/surroundings.ts";
import { projectDir } from "../state/place.ts";
import type { TaskSpec } from "../task/spec.ts";
import { logEvent } from "./events.ts";
import { newRunId, type Origin, type RunRecord } from "./record.ts";
import { saveRun } from "./store.ts";

export interface NewRun {
  root: string;
  spec: TaskSpec;
  /** Relative to the root. */
  taskFile?: string | undefined;
  lane: "cli" | "serve";
  origin: Origin;
  agent?: string | undefined;
  model?: string | undefined;
  serverUrl?: string | undefined;
  /** Whether the validation commands of a task file run after the turn, as a packet's do. */
  validate?: boolean | undefined;
  /** The run that failed before, and whose task is tried again. */
  retryOf?: string | undefined;
}

/**
 * Records a run before anything starts, in state `queued`, so that it can be found whatever dies.
 * @throws HandrailError `routing` when its callback would not reach the session that asked
 */
export function createRun(wanted: NewRun): RunRecord {
  const runId = newRunId();
  const envelope = envelopeFor(runId, wanted);
  const { session_key, session_id } = wanted.origin;
  requireRouting(envelope, { expectCallback: Boolean(session_key || session_id) });
  const record: RunRecord = {
    schema: 1,
    run_id: runId,
    task_id: wanted.spec.slug,
    state: "queued",
    envelope,
    changes: [],
    refusals: [],
    quarantine: [],
    validation: [],
    reasons: [],
    next: `handrail show ${runId}`,
    lane: wanted.lane,
    root: wanted.root,
    spec: wanted.spec,
    spec_hash: specHash(wanted.spec),
    around: freezeSurroundings(wanted.spec.scope, wanted.root),
    origin: wanted.origin,
    turn: 0,
    created: new Date().toISOString(),
    asked: {
      ...(wanted.model === undefined ? {} : { model: wanted.model }),
      ...(wanted.agent === undefined ? {} : { agent: wanted.agent }),
    },
    ...(wanted.validate === undefined ? {} : { validate: wanted.validate }),
    ...(wanted.retryOf === undefined ? {} : { retry_of: wanted.retryOf }),
    ...(wanted.taskFile === undefined ? {} : { task_file: wanted.taskFile }),
    ...(wanted.model === undefined ? {} : { model: wanted.model }),
    ...(wanted.agent === undefined ? {} : { agent: wanted.agent }),
  };
  saveRun(record);
  logEvent(record, { type: "state", to: "queued" });
  return record;
}

/** What the frozen scope of a run is checked against: the sha256 of the spec as JSON. */
export function specHash(spec: TaskSpec): string {
  return createHash("sha256").update(JSON.stringify(spec)).digest("hex");
}

/**
 * Who asked, from the environment that the Claude hook or the companion gave.
 * @throws HandrailError `routing` when the environment names an address that cannot be called
 */
export function originFromEnv(env: NodeJS.ProcessEnv): Origin {
  const callback = targetFromEnv(env);
  return {
    ...(callback ? { callback } : {}),
    ...(env.HANDRAIL_ORIGIN_SESSION_ID ? { session_id: env.HANDRAIL_ORIGIN_SESSION_ID } : {}),
    ...(env.HANDRAIL_ORIGIN_SESSION_KEY ? { session_key: env.HANDRAIL_ORIGIN_SESSION_KEY } : {}),
    ...(env.HANDRAIL_INBOX ? { inbox: env.HANDRAIL_INBOX } : {}),
  };
}

/** What an envelope is made of. */
export type EnvelopeWish = Pick<NewRun, "root" | "origin" | "agent" | "serverUrl"> & {
  spec: Pick<TaskSpec, "slug">;
};

/** The routing identity of a run; `requireRouting` says whether its callback would arrive. */
export function envelopeFor(runId: string, wanted: EnvelopeWish): Envelope {
  const agent = wanted.agent ?? "build";
  const taskId = wanted.spec.slug;
  const origin = callerKey(wanted.origin);
  return {
    task_id: taskId,
    run_id: runId,
    agent_id: agent,
    requested_agent_id: agent,
    resolved_agent_id: agent,
    session_key: hookSessionKey(agent, taskId),
    origin_session_key: origin,
    callback_target_session_key: origin,
    project_id: basename(projectDir(wanted.root)),
    repo_root: wanted.root,
    opencode_server_url: wanted.serverUrl ?? "",
    ...(wanted.origin.session_id
      ? { origin_session_id: wanted.origin.session_id, callback_target_session_id: wanted.origin.session_id }
      : {}),
  };
}
