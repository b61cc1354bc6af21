import type { Command } from "commander";
import { HandrailError } from "../../../shared/errors.ts";
import { reap } from "../../../shared/run/reap.ts";
import { clientFor } from "../../../shared/serve/client.ts";
import { ensureServer } from "../../../shared/serve/ensure.ts";
import { isRunning, lastUse, listEntries, readEntry, type ServerEntry } from "../../../shared/serve/entry.ts";
import { healthOf } from "../../../shared/serve/health.ts";
import { busySessions } from "../../../shared/serve/session.ts";
import { cleanUpServers, stopServer, stopUnlessNeeded } from "../../../shared/serve/stop.ts";
import { interruptible } from "../interruption.ts";
import { emit } from "../output.ts";
import { progressFor } from "../progress.ts";
import { projectRoot } from "../serve/directory.ts";

interface DirectoryOption {
  directory?: string;
  json?: boolean;
}

interface ServerStatus {
  url: string | null;
  pid: number | null;
  directory: string;
  version: string | null;
  state: "ready" | "starting" | "unresponsive" | "stopped";
  started?: string;
  last_use?: string;
  reason?: string;
  busy?: string[];
}

/** `handrail serve start|status|stop|list|cleanup`: one project, one OpenCode server. */
export function configure(command: Command): void {
  directoryOption(command.command("start"))
    .description("start this project's OpenCode server, or show the one that runs")
    .addHelpText("after", "\nExample:\n  handrail serve start --directory .")
    .action(async (options: DirectoryOption) => {
      const root = await projectRoot(options.directory);
      const progress = progressFor(options);
      const reason = "handrail serve start";
      const say = (text: string) => progress.say(text);
      const { entry } = await interruptible(({ stop }) => ensureServer({ root, reason, say, signal: stop }));
      show(options, await statusOf(entry));
    });
  directoryOption(command.command("status"))
    .description("whether this project's server runs and answers, and what it works on")
    .addHelpText("after", "\nExample:\n  handrail serve status --directory .")
    .action(async (options: DirectoryOption) => {
      const root = await projectRoot(options.directory);
      const entry = readEntry(root);
      show(options, entry ? await statusOf(entry) : stopped(root));
    });
  directoryOption(command.command("stop"))
    .description("end this project's server, with everything that it has started")
    .option("--force", "also while it works")
    .addHelpText("after", "\nExample:\n  handrail serve stop --directory .")
    .action(async (options: DirectoryOption & { force?: boolean }) => {
      const root = await projectRoot(options.directory);
      if (options.force) await endNow(root);
      else await endUnused(root);
      // What it worked on has come to an end, and is told of.
      await reap(root);
      show(options, stopped(root));
    });
  command
    .command("list")
    .description("the servers that Handrail has started, of all projects")
    .addHelpText("after", "\nExample:\n  handrail serve list --json")
    .action(async (options: { json?: boolean }) => {
      const { entries, unreadable } = listEntries();
      warn(unreadable);
      const rows = await Promise.all(entries.map(statusOf));
      emit(options, rows, () => rows.map(line).join("\n") || "no server of Handrail's runs");
    });
  command
    .command("cleanup")
    .description("end servers that nobody uses, and forget those that are gone; only Handrail's own")
    .option("--all", "end every server that does not work, however new its last use")
    .addHelpText("after", "\nExample:\n  handrail serve cleanup --all")
    .action((options: { all?: boolean; json?: boolean }) => cleanUp(options));
}

/** A server that has not been used for this long is left over, in milliseconds. */
const LEFT_OVER_MS = 15 * 60_000;

async function cleanUp(options: { all?: boolean; json?: boolean }): Promise<void> {
  const {
    stopped: ended,
    forgotten,
    unreadable,
  } = await cleanUpServers(async (entry) => {
    const quiet = Date.now() - (lastUse(entry.directory) ?? 0) > LEFT_OVER_MS;
    if (!options.all && !quiet) return false;
    return entry.state === "starting" || (await busyOf(entry)).length === 0;
  });
  warn(unreadable);
  const rows = [...ended, ...forgotten].map((entry) => ({
    ...stopped(entry.directory),
    pid: entry.leader.pid,
  }));
  emit(options, rows, () =>
    rows.length === 0
      ? "nothing to clean up"
      : `${ended.length} ended, ${forgotten.length} forgotten that were gone already\n${rows.map(line).join("\n")}`,
  );
}

/** @throws HandrailError `busy` */
async function endUnused(root: string): Promise<void> {
  const { stays } = await stopUnlessNeeded(root, async (entry) => {
    const busy = await busyOf(entry);
    return busy.length > 0 ? `it works on ${busy.join(", ")}` : undefined;
  });
  if (stays === undefined) return;
  throw new HandrailError("busy", `the server is in use: ${stays}`, {
    fix: "wait for it (handrail session list), or handrail serve stop --force",
  });
}

/** Whatever it works on, and whoever is just starting it. */
async function endNow(root: string): Promise<void> {
  const entry = readEntry(root);
  if (entry) await stopServer(entry);
}

/** @returns nothing for a server that does not answer: what it works on cannot be told */
async function busyOf(entry: ServerEntry): Promise<string[]> {
  try {
    return await busySessions({ entry, client: clientFor(entry, 5000) });
  } catch {
    return [];
  }
}

async function statusOf(entry: ServerEntry): Promise<ServerStatus> {
  const { url, directory, version, started, reason } = entry;
  if (!isRunning(entry)) return stopped(directory);
  const used = lastUse(directory);
  const answers = entry.state === "ready" && (await healthOf(entry, 3000)) !== undefined;
  return {
    url: url === "" ? null : url,
    pid: (entry.process ?? entry.leader).pid,
    directory,
    version: version === "" ? null : version,
    state: entry.state === "starting" ? "starting" : answers ? "ready" : "unresponsive",
    started,
    ...(used === undefined ? {} : { last_use: new Date(used).toISOString() }),
    reason,
    ...(answers ? { busy: await busyOf(entry) } : {}),
  };
}

function stopped(directory: string): ServerStatus {
  return { url: null, pid: null, directory, version: null, state: "stopped" };
}

function show(options: { json?: boolean }, status: ServerStatus): void {
  emit(options, status, () => line(status));
}

function line({ state, url, pid, version, directory, busy }: ServerStatus): string {
  const what = [url, pid === null ? "" : `process ${pid}`, version === null ? "" : `OpenCode ${version}`];
  const works = busy && busy.length > 0 ? `works on ${busy.join(", ")}` : "";
  return [`${state.padEnd(8)} ${directory}`, ...what, works].filter(Boolean).join("  ");
}

function warn(problems: readonly string[]): void {
  for (const problem of problems) process.stderr.write(`handrail: ${problem}\n`);
}

function directoryOption(command: Command): Command {
  return command.option("--directory <folder>", "the project; default: the current folder's");
}
