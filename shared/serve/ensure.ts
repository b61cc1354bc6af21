import { loadConfig } from "../config/config.ts";
import { HandrailError } from "../errors.ts";
import { clientFor, type Server } from "./client.ts";
import { isRunning, readEntry, type ServerEntry, touchEntry, writeEntry } from "./entry.ts";
import { atServerGate, startInterrupted } from "./gate.ts";
import { healthOf } from "./health.ts";
import { requireOpencode } from "./program.ts";
import { busySessions } from "./session.ts";
import { currentPrints, startServer } from "./spawn.ts";
import { takeStart } from "./start-gate.ts";
import { stopServer } from "./stop.ts";
import { joinServer, otherUsers } from "./users.ts";

/** How long a server that runs may take to answer before it counts as broken, in milliseconds. */
const ANSWER_MS = 20_000;
/** How long to wait for another process that is starting the server, in milliseconds. */
const OTHER_MS = 120_000;

export interface ServerWish {
  /** Real path of the working tree's top level. */
  root: string;
  /** Why, for `serve list`: a few plain words. */
  reason: string;
  /** It is wanted for one task, and may end with it; one that is wanted for anything else stays. */
  forTask?: boolean;
  /** This process goes on to work with it: nobody else ends it meanwhile. */
  join?: boolean;
  /** Breaks the start off: what was started is ended again. */
  signal?: AbortSignal;
  env?: NodeJS.ProcessEnv;
  /** Told what takes time. */
  say?: (text: string) => void;
}

/**
 * The one server of a project: the one that runs, or a new one. Of several callers at once one starts it and
 * the others get the same. A server of another version of OpenCode or of Handrail is replaced, unless it works.
 * @throws HandrailError `opencode-missing`, `server-failed`, `plugin-not-loaded`, `busy`, `interrupted`,
 *   `invalid-config`
 */
export function ensureServer(wish: ServerWish): Promise<Server> {
  const { root, signal } = wish;
  const program = requireOpencode(root, wish.env);
  const current = currentPrints(program);
  return atServerGate(
    root,
    OTHER_MS,
    async () => {
      const running = await usable(root, current);
      const server = running ? kept(running, wish) : await start(wish, program);
      if (wish.join) joinServer(root);
      return server;
    },
    signal,
  );
}

/**
 * The server that runs for a project, whatever its version, for a process that goes on to work with it.
 * @returns undefined when none runs @throws HandrailError `server-failed`, `busy`
 */
export function joinRunningServer(root: string): Promise<Server | undefined> {
  return atServerGate(root, OTHER_MS, async () => {
    const server = await findServer(root);
    if (server) joinServer(root);
    return server;
  });
}

async function start(wish: ServerWish, program: string): Promise<Server> {
  loadConfig(wish.root); // what keeps the new one from starting is known before the old one is ended
  const old = readEntry(wish.root);
  if (old) {
    wish.say?.("OpenCode's server is replaced: it is not of this version, or was never finished");
    await stopServer(old);
  }
  wish.say?.("OpenCode's server starts");
  const env = wish.env ?? process.env;
  const started = await takeStart(env, wish.signal);
  try {
    const entry = await startServer({ ...wish, program, env }).finally(started);
    return { entry, client: clientFor(entry) };
  } catch (error) {
    throw wish.signal?.aborted ? startInterrupted() : error;
  }
}

/** One that was started for a task alone is not, once somebody wants it for anything else. */
function kept(server: Server, { forTask, reason }: ServerWish): Server {
  if (forTask || !server.entry.for_task) return server;
  const { for_task: _, ...entry } = server.entry;
  writeEntry({ ...entry, reason });
  return { ...server, entry: { ...entry, reason } };
}

/**
 * The server that runs for a project, of whatever version; starts none.
 * @returns undefined when none runs
 * @throws HandrailError `server-failed` when it runs and does not answer
 */
export async function findServer(root: string): Promise<Server | undefined> {
  const entry = readEntry(root);
  if (entry?.state !== "ready" || !isRunning(entry)) return undefined;
  const version = await healthOf(entry, ANSWER_MS, () => isRunning(entry));
  if (version !== undefined) {
    touchEntry(root);
    return { entry, client: clientFor(entry) };
  }
  if (!isRunning(entry)) return undefined;
  throw new HandrailError(
    "server-failed",
    `OpenCode's server (process ${entry.leader.pid}) runs and does not answer`,
    { fix: "handrail serve stop" },
  );
}

type Current = Pick<ServerEntry, "program" | "plugin">;

/** @returns undefined when there is none, or one that has to be replaced */
async function usable(root: string, current: Current): Promise<Server | undefined> {
  const server = await findServer(root);
  if (!server) return undefined;
  const { program, plugin } = server.entry;
  if (program === current.program && plugin === current.plugin) return server;
  const users = otherUsers(root).map(({ pid }) => `process ${pid}`);
  const busy = [...(await busySessions(server)), ...users];
  if (busy.length === 0) return undefined;
  throw new HandrailError(
    "busy",
    `the server of this project is of another version (OpenCode ${server.entry.version}) and still works for ${busy.join(", ")}`,
    { fix: "wait for it (handrail session list), or end it (handrail serve stop)" },
  );
}
