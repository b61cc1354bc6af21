import * as z from "zod/mini";
import { detectDelegation } from "../delegation/detect.ts";
import { answer, eventSchema, oneLine, readEvent } from "../event.ts";
import { sessionExports } from "../session/exports.ts";
import { isArmed, openInboxes } from "../session/inboxes.ts";
import { pluginData } from "../session/place.ts";

const schema = z.extend(eventSchema, { tool_input: z.looseObject({ command: z.string() }) });

/**
 * PreToolUse of Bash: makes sure that a command which delegates to OpenCode is held, or denies it. Never
 * allows anything: a command that is fine is left to the user's own permission rules.
 */
async function main(): Promise<void> {
  const event = readEvent(schema);
  const { command } = event.tool_input;
  const delegation = detectDelegation(command);
  if (!delegation) return;
  // Evaluated only now: most commands that mention OpenCode do not delegate to it.
  const { prepareDelegation } = await import("../delegation/prepare.ts");
  const obstacle = await prepareDelegation(delegation, command, event.cwd);
  if (obstacle !== undefined) {
    await answer("PreToolUse", { permissionDecision: "deny", permissionDecisionReason: obstacle });
    return;
  }
  const dataDir = pluginData(process.env);
  if (isArmed(dataDir, event.session_id)) return;
  // The session began before this plugin was there: its commands are not armed yet, so this one is.
  const start = {
    sessionId: event.session_id,
    source: "late",
    dataDir,
    pid: undefined,
    directory: event.cwd,
  };
  const [inbox = ""] = openInboxes(start);
  const armed = `${sessionExports(event.session_id, inbox)}${command}`;
  await answer("PreToolUse", { updatedInput: { ...event.tool_input, command: armed } });
}

// Exit code 2 blocks the call: what goes wrong here must not let a delegation through.
main().catch((error: unknown) => {
  process.stderr.write(
    `Handrail could not prepare this delegation, so it was not started: ${oneLine(error)}\n`,
  );
  process.exitCode = 2;
});
