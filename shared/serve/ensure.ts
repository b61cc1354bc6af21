import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HandrailError } from "../errors.ts";
import { claim } from "../lock/claim.ts";
import { isHolderAlive, newHolder } from "../lock/holder.ts";
import { projectDir } from "../state/place.ts";
import { clientFor, type Server } from "./client.ts";
import { isRunning, readEntry, type ServerEntry, touchEntry } from "./entry.ts";
import { healthOf } from "./health.ts";
import { requireOpencode } from "./program.ts";
import { busySessions } from "./session.ts";
import { currentPrints, startServer } from "./spawn.ts";
import { takeStart } from "./start-gate.ts";
import { stopServer } from "./stop.ts";

/** How long a server that runs may take to answer before it counts as broken, in milliseconds. */
const ANSWER_MS = 20_000;
/** How long to wait for another process that is starting the server, in milliseconds. */
const OTHER_MS = 120_000;

export interface ServerWish {
  /** Real path of the working tree's top level. */
  root: string;
  /** Why, for `serve list`: a few plain words. */
  reason: string;
  env?: NodeJS.ProcessEnv;
  /** Told what takes time. */
  say?: (text: string) => void;
}

/**
 * The one server of a project: the one that runs, or a new one. Of several callers at once one starts it and
 * the others get the same. A server of another version of OpenCode or of Handrail is replaced, unless it works.
 * @throws HandrailError `opencode-missing`, `server-failed`, `plugin-not-loaded`, `busy`
 */
export async function ensureServer(wish: ServerWish): Promise<Server> {
  const { root } = wish;
  const program = requireOpencode(root, wish.env);
  const current = currentPrints(program);
  const end = Date.now() + OTHER_MS;
  for (;;) {
    const running = await usable(root, current);
    if (running) return running;
    const place = claim(join(projectDir(root), "serve-start"), newHolder(), isHolderAlive);
    if (!place.ok) {
      if (Date.now() > end) throw startedByOther();
      await sleep(100);
      continue;
    }
    try {
      // Whoever held the place before may have just finished.
      const meanwhile = await usable(root, current);
      if (meanwhile) return meanwhile;
      const old = readEntry(root);
      if (old) {
        wish.say?.("OpenCode's server is replaced: it is not of this version, or was never finished");
        await stopServer(old);
      }
      wish.say?.("OpenCode's server starts");
      const env = wish.env ?? process.env;
      const started = await takeStart(env);
      const entry = await startServer({ ...wish, program, env }).finally(started);
      return { entry, client: clientFor(entry) };
    } finally {
      place.release();
    }
  }
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
  const busy = await busySessions(server);
  if (busy.length === 0) return undefined;
  throw new HandrailError(
    "busy",
    `the server of this project is of another version (OpenCode ${server.entry.version}) and still works on ${busy.join(", ")}`,
    { fix: "wait for it (handrail session list), or end it (handrail serve stop)" },
  );
}

function startedByOther(): HandrailError {
  return new HandrailError("busy", "another process has been starting OpenCode's server for two minutes", {
    fix: "handrail serve status",
  });
}
