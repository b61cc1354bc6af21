import type { AnyTool } from "./tool.ts";
import { callbackFromEvent } from "./tools/callback.ts";
import { buildEnvelope } from "./tools/envelope.ts";
import { runEvents } from "./tools/events.ts";
import { executeTask } from "./tools/execute.ts";
import { lifecycle } from "./tools/lifecycle.ts";
import { checkPolicy } from "./tools/policy.ts";
import { registryCleanup, registryGet, registryUpsert, resolveProject } from "./tools/projects.ts";
import { runStatus } from "./tools/runs.ts";
import { serveIdleCheck, serveShutdown, serveSpawn } from "./tools/serve.ts";
import { status } from "./tools/status.ts";
import { sessionTail } from "./tools/tail.ts";

/** The bridge's tools (requirements, opencode-orchestration: tool-by-tool usage), in the order of the text. */
export const TOOLS: readonly AnyTool[] = [
  status,
  resolveProject,
  buildEnvelope,
  executeTask,
  runStatus,
  runEvents,
  sessionTail,
  callbackFromEvent,
  checkPolicy,
  lifecycle,
  registryGet,
  registryUpsert,
  registryCleanup,
  serveSpawn,
  serveIdleCheck,
  serveShutdown,
];
