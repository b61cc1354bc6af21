import type { Hooks, Config as OpenCodeConfig, Plugin, PluginInput } from "@opencode-ai/plugin";
import { loadConfig } from "../shared/config/config.ts";
import { leaveSign } from "../shared/run/sign.ts";
import { requireStateOutside } from "../shared/state/place.ts";
import { loadedOutside, pathOutside, searched } from "../shared/tree/outside.ts";
import { openRepository } from "../shared/tree/repository.ts";
import { type BindingContext, isDelegated } from "./binding.ts";
import { briefing } from "./briefing.ts";
import { takeEnvironment } from "./environment.ts";
import { Listener } from "./events.ts";
import { startFailed } from "./failed.ts";
import { Family } from "./family.ts";
import { Guard } from "./guard.ts";
import { IdleWatch } from "./idle.ts";
import { liftProviders } from "./lift.ts";
import { allowLookingOutside } from "./permission.ts";
import { Sessions } from "./sessions.ts";
import { InstanceShell } from "./shell.ts";

/**
 * The environment as it was at the start of the process, before Handrail's variables were taken out of
 * it, and the instances that have a guard already, by their client, which is each one's own: the plugin may
 * be listed twice (installed, and named by a starter) and does its work once; an instance that follows a
 * disposed one of the same directory needs a guard of its own.
 */
interface Shared {
  env: NodeJS.ProcessEnv;
  preset: BindingContext["preset"];
  instances: WeakSet<PluginInput["client"]>;
  /** Ends the instance of a directory: the one that takes its place waits, and may be there before `dispose`. */
  leave: Map<string, () => Promise<void>>;
}
/** `shell` is OpenCode's (1.18.33, measured), though its published types lack it. */
type ShellConfig = OpenCodeConfig & { shell?: string };

const SHARED = Symbol.for("opencode-handrail");

/**
 * Starts the guard of one OpenCode instance. Never throws: OpenCode goes on without a plugin that does
 * (facts, opencode.md), so a failed start becomes a guard that refuses every write.
 */
export const server: Plugin = async (input) => {
  const shared = sharedState();
  if (shared.instances.has(input.client)) return {};
  shared.instances.add(input.client);
  try {
    const hooks = await guarded(input, shared);
    leaveSign(shared.env);
    return hooks;
  } catch (error) {
    leaveSign(shared.env, error instanceof Error ? error.message : String(error));
    return startFailed(input, shared.env, error);
  }
};

async function guarded(input: PluginInput, { env, preset, leave }: Shared): Promise<Hooks> {
  const { root } = await openRepository(input.directory);
  requireStateOutside(root, env);
  const family = new Family(input.client);
  const context: BindingContext = {
    client: input.client,
    root,
    env,
    lane: process.argv.includes("serve") ? "serve" : "cli",
    preset,
    ending: (runId) => sessions.ending(runId),
    formatters: false,
    languageServers: false,
  };
  // OpenCode calls git, rg and others by name.
  startOutside(root, process.env);
  const sessions: Sessions = new Sessions(context, family, leave.get(input.directory)?.());
  const listener = new Listener(family, sessions, (error) => log(input.client, error));
  const idle = new IdleWatch(root, input.client, env, () => sessions.closing);
  const end = async () => {
    idle.end();
    await listener.settled();
    await sessions.drain();
  };
  leave.set(input.directory, end);
  let shell: InstanceShell | undefined;
  const guard = new Guard(sessions, input, root, () => {
    if (!shell) throw new Error("OpenCode has not handed over its configuration");
    return shell;
  });
  return {
    config: async (config) => {
      liftProviders(config, input.directory, input.worktree, env);
      shell = configure(config, root, env);
      context.formatters = Boolean(config.formatter);
      context.languageServers = Boolean(config.lsp);
    },
    "chat.message": async (message, output) => {
      const text = output.parts.flatMap((part) =>
        part.type === "text" && !part.synthetic ? [part.text] : [],
      );
      // What was said before it: a turn that has just ended is not this prompt's.
      await listener.settled(message.sessionID);
      const held = await sessions.prompted(message.sessionID, text.join("\n"), output.message);
      if (held) await allowLookingOutside(input.client, message.sessionID);
    },
    "experimental.chat.system.transform": async ({ sessionID }, output) => {
      if (sessionID === undefined) return;
      const bound = await sessions.of(sessionID);
      const text = bound && briefing(bound);
      if (text !== undefined) output.system.push(text);
    },
    "tool.execute.before": (call, output) => guard.before(call, output),
    "tool.execute.after": (call, output) => guard.after(call, output),
    "experimental.text.complete": async ({ sessionID }, output) => sessions.said(sessionID, output.text),
    "shell.env": (call, output) => guard.shellEnv(call, output),
    event: async ({ event }) => {
      if ("sessionID" in event.properties) idle.hear();
      listener.hear(event);
    },
    dispose: end,
  };
}

/** Lets nothing of the repository be started or loaded by name. */
function startOutside(root: string, env: NodeJS.ProcessEnv): void {
  if (env.PATH) env.PATH = pathOutside(root, env.PATH);
  for (const [name, value] of Object.entries(loadedOutside(root, env))) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
}

/** Sets what a held instance needs in OpenCode's configuration. @returns the shell it is given */
function configure(config: ShellConfig, root: string, env: NodeJS.ProcessEnv): InstanceShell {
  const shell = new InstanceShell(config.shell, process.env, searched(env));
  const delegated = isDelegated(env);
  shell.byDefault(delegated ? "refuse" : "free");
  config.shell = shell.path;
  // Formatters and language servers run code of the repository (`node_modules/.bin/biome`), unconfined.
  if (delegated && !keepsFormatters(root)) {
    config.formatter = false;
    config.lsp = false;
  }
  return shell;
}

function keepsFormatters(root: string): boolean {
  try {
    return loadConfig(root).keepFormatters;
  } catch {
    return false; // an invalid configuration makes every session read-only, which says why
  }
}

/** Into OpenCode's own log; where even that fails there is nobody left to tell. */
function log(client: PluginInput["client"], error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  client.app.log({ body: { service: "handrail", level: "error", message } }).catch(() => undefined);
}

function sharedState(): Shared {
  const holder = globalThis as typeof globalThis & { [SHARED]?: Shared };
  if (holder[SHARED]) return holder[SHARED];
  const env = takeEnvironment(process.env);
  holder[SHARED] = {
    env,
    preset: { runId: env.HANDRAIL_RUN_ID || undefined },
    instances: new WeakSet(),
    leave: new Map(),
  };
  return holder[SHARED];
}
