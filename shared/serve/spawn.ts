import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { loadConfig } from "../config/config.ts";
import { HandrailError } from "../errors.ts";
import { identify, isAlive } from "../run/process.ts";
import { type Sign, signSchema } from "../run/sign.ts";
import { parseJson, privateDir } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { printable } from "../text/printable.ts";
import { askFor, clientFor } from "./client.ts";
import { endTree } from "./end-tree.ts";
import { removeEntry, type ServerEntry, writeEntry } from "./entry.ts";
import { serverEnv } from "./environment.ts";
import { healthOf } from "./health.ts";
import { pluginFile } from "./plugin-file.ts";

/** How long a server may take until it works, in milliseconds; 1.1 to 2.4 s on an idle machine. */
const START_MS = 90_000;

export interface Start {
  /** Real path of the working tree's top level. */
  root: string;
  /** Absolute path of `opencode`. */
  program: string;
  reason: string;
  forTask?: boolean;
  env: NodeJS.ProcessEnv;
  /** Ends what was started. */
  signal?: AbortSignal;
}

/**
 * Starts the server of a project on a free port, with a password of its own, and waits until it has shown
 * that it serves this folder and that Handrail's plugin is in it. It is on record from the moment it exists.
 * @throws HandrailError `server-failed`, `plugin-not-loaded`, `invalid-config`; the server is ended then
 */
export async function startServer(start: Start): Promise<ServerEntry> {
  const { root } = start;
  const dir = privateDir(projectDir(root));
  const signFile = join(dir, "serve-sign.json");
  const logFile = join(dir, "serve.log");
  rmSync(signFile, { force: true });
  const password = randomBytes(24).toString("base64url");
  const idleMs = loadConfig(root).serve.idleMinutes * 60_000;
  const child = launch(start, serverEnv(start.env, { root, password, signFile, idleMs }), logFile);
  const leader = identify(await pidOf(child));
  let entry: ServerEntry = {
    schema: 1,
    state: "starting",
    url: "",
    directory: root,
    password,
    leader,
    starter: identify(),
    version: "",
    ...currentPrints(start.program),
    started: new Date().toISOString(),
    reason: start.reason,
    ...(start.forTask ? { for_task: true } : {}),
  };
  const end = () => void endTree(leader.pid);
  start.signal?.addEventListener("abort", end);
  try {
    writeEntry(entry);
    if (start.signal?.aborted) end();
    const until = Date.now() + START_MS;
    const alive = () => isAlive(leader);
    entry = { ...entry, url: await addressIn(logFile, alive, until) };
    const version = await healthOf(entry, until - Date.now(), alive);
    if (version === undefined) throw notUp("it does not answer", logFile);
    const sign = await provePlugin(entry, signFile, until);
    const { starter: _, ...started } = entry;
    entry = { ...started, state: "ready", version, process: identify(sign.pid) };
    writeEntry(entry);
    child.unref();
    return entry;
  } catch (error) {
    await endTree(leader.pid);
    removeEntry(entry);
    throw error;
  } finally {
    start.signal?.removeEventListener("abort", end);
  }
}

/**
 * What a server started now would consist of, so that an update is seen without starting it: the plugin by its
 * content, since several installations may hold the same; OpenCode, which is large, by path, size and time.
 */
export function currentPrints(program: string): Pick<ServerEntry, "program" | "plugin"> {
  const { size, mtimeMs, ino } = statSync(program);
  return {
    program: `${program} ${size} ${Math.floor(mtimeMs)} ${ino}`,
    plugin: createHash("sha256").update(readFileSync(pluginFile())).digest("hex"),
  };
}

function launch(start: Start, env: NodeJS.ProcessEnv, logFile: string): ChildProcess {
  rmSync(logFile, { force: true });
  const log = openSync(logFile, "ax", 0o600);
  try {
    return spawn(start.program, ["serve", "--hostname", "127.0.0.1", "--port", "0"], {
      cwd: start.root,
      env: { ...env, PWD: start.root },
      detached: true,
      stdio: ["ignore", log, log],
    });
  } finally {
    closeSync(log);
  }
}

function pidOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(
        new HandrailError("server-failed", `OpenCode could not be started: ${error.message}`, {
          fix: "handrail doctor",
          cause: error,
        }),
      ),
    );
    child.once("spawn", () => resolve(child.pid ?? 0));
  });
}

async function addressIn(logFile: string, alive: () => boolean, end: number): Promise<string> {
  for (;;) {
    const url = /listening on (http:\/\/127\.0\.0\.1:\d+)\s/.exec(readFileSync(logFile, "utf8"))?.[1];
    if (url !== undefined) return url;
    if (!alive()) throw notUp("it ended at once", logFile);
    if (Date.now() > end) throw notUp("it named no address in time", logFile);
    await sleep(50);
  }
}

/** Has OpenCode make the folder's instance, in which the plugin leaves its sign. */
async function provePlugin(entry: ServerEntry, signFile: string, end: number): Promise<Sign> {
  const place = await placeOf(entry, end);
  if (place.directory !== entry.directory) {
    throw new HandrailError(
      "server-failed",
      `OpenCode's server works in ${printable(place.directory)}, not in ${entry.directory}`,
      { fix: "handrail doctor" },
    );
  }
  const sign = readSign(signFile);
  if (sign && sign.problem === undefined) return sign;
  throw new HandrailError(
    "plugin-not-loaded",
    sign === undefined
      ? "Handrail's plugin is not loaded in OpenCode's server, so it gets no prompt"
      : `Handrail's plugin could not start in OpenCode's server: ${printable(sign.problem ?? "")}`,
    { fix: "handrail doctor" },
  );
}

const pathSchema = z.object({ directory: z.string(), worktree: z.string() });

async function placeOf(entry: ServerEntry, end: number): Promise<z.infer<typeof pathSchema>> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await askFor("open this folder", clientFor(entry, 20_000).path.get(), pathSchema);
    } catch (error) {
      if (tries >= 3 || Date.now() > end) throw error;
    }
  }
}

function readSign(file: string): Sign | undefined {
  try {
    const parsed = parseJson(readFileSync(file, "utf8"), signSchema);
    return parsed.ok ? parsed.value : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function notUp(why: string, logFile: string): HandrailError {
  const words = printable(readFileSync(logFile, "utf8").trim().slice(-300), 300);
  return new HandrailError(
    "server-failed",
    `OpenCode's server did not start: ${why}${words === "" ? "" : ` (${words})`}`,
    { fix: "handrail doctor" },
  );
}
