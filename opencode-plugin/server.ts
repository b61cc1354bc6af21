import type { Hooks, Plugin, PluginInput } from "@opencode-ai/plugin";
import { openRepository } from "../shared/tree/repository.ts";
import { briefing } from "./briefing.ts";
import { takeEnvironment } from "./environment.ts";
import { listen } from "./events.ts";
import { startFailed } from "./failed.ts";
import { Family } from "./family.ts";
import { Guard } from "./guard.ts";
import { liftProviders } from "./lift.ts";
import { Sessions } from "./sessions.ts";

/**
 * The environment as it was at the start of the process, before Handrail's variables were taken out of
 * it, and the directories that have a guard already: OpenCode makes one instance a directory, and the
 * plugin may be listed twice (installed, and named by a starter); it does its work once.
 */
interface Shared {
  env: NodeJS.ProcessEnv;
  directories: Set<string>;
}
const SHARED = Symbol.for("opencode-handrail");

/**
 * Starts the guard of one OpenCode instance. Never throws: OpenCode goes on without a plugin that does
 * (facts, opencode.md), so a failed start becomes a guard that refuses every write.
 */
export const server: Plugin = async (input) => {
  const shared = sharedState();
  if (shared.directories.has(input.directory)) return {};
  shared.directories.add(input.directory);
  try {
    return await guarded(input, shared.env);
  } catch (error) {
    return startFailed(input, shared.env, error);
  }
};

async function guarded(input: PluginInput, env: NodeJS.ProcessEnv): Promise<Hooks> {
  const { root } = await openRepository(input.directory);
  const family = new Family(input.client);
  const sessions = new Sessions(
    {
      client: input.client,
      root,
      env,
      lane: process.argv.includes("serve") ? "serve" : "cli",
      presetRunId: env.HANDRAIL_RUN_ID || undefined,
    },
    family,
  );
  const guard = new Guard(sessions, root, input.directory);
  return {
    config: async (config) => {
      liftProviders(config, input.directory, input.worktree, env);
    },
    "chat.message": async (message, output) => {
      const text = output.parts.flatMap((part) =>
        part.type === "text" && !part.synthetic ? [part.text] : [],
      );
      const { turn } = await sessions.prompted(message.sessionID, text.join("\n"));
      turn?.prompted(output.message);
    },
    "experimental.chat.system.transform": async ({ sessionID }, output) => {
      if (sessionID === undefined) return;
      const text = briefing((await sessions.of(sessionID)).binding);
      if (text !== undefined) output.system.push(text);
    },
    "tool.execute.before": (call, output) => guard.before(call, output),
    "tool.execute.after": (call, output) => guard.after(call, output),
    event: ({ event }) => listen(event, family, sessions),
    dispose: () => sessions.drain(),
  };
}

function sharedState(): Shared {
  const holder = globalThis as typeof globalThis & { [SHARED]?: Shared };
  holder[SHARED] ??= { env: takeEnvironment(process.env), directories: new Set() };
  return holder[SHARED];
}
