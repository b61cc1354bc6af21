import { existsSync } from "node:fs";
import { inboxDir } from "../../shared/callback/inbox.ts";
import { originFromEnv } from "../../shared/run/create.ts";
import type { Origin } from "../../shared/run/record.ts";
import { sessionOf } from "./inboxes.ts";
import { pluginData } from "./place.ts";

/**
 * Who asks, for a program that Claude Code keeps running beside a session: an MCP server outlives `/clear`,
 * so what its environment says is old then. The process tells which session it works on now.
 * @param env the program's environment (Claude Code 2.1.329 sets CLAUDECODE, CLAUDE_CODE_SESSION_ID and
 *   CLAUDE_PLUGIN_DATA for MCP servers; measured)
 * @param parentPid the process that started the program
 * @throws HandrailError `routing` when the environment names an address that cannot be called
 */
export function callerOf(env: NodeJS.ProcessEnv, parentPid: number): Origin {
  const given = originFromEnv(env);
  const session = claudeSession(env, parentPid);
  if (session === undefined) return given;
  const inbox = inboxDir(session, env);
  return {
    ...(given.callback ? { callback: given.callback } : {}),
    ...(given.session_key ? { session_key: given.session_key } : {}),
    session_id: session,
    // A session that started before the plugin was there watches no inbox.
    ...(existsSync(inbox) ? { inbox } : {}),
  };
}

const SESSION_ID = /^[A-Za-z0-9_-]{1,128}$/;

function claudeSession(env: NodeJS.ProcessEnv, parentPid: number): string | undefined {
  if (!env.CLAUDECODE) return undefined;
  const session = sessionOf({ dataDir: pluginData(env), pid: parentPid }) ?? env.CLAUDE_CODE_SESSION_ID ?? "";
  return SESSION_ID.test(session) ? session : undefined;
}
