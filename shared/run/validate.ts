import { existsSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { ReportedValidation } from "../callback/payload.ts";
import { type Redact, redactor } from "../callback/redact.ts";
import type { Config } from "../config/config.ts";
import { readPolicy } from "../confine/finish.ts";
import { placesIn } from "../confine/places.ts";
import { runConfined } from "../confine/run.ts";
import { Journal } from "../tree/journal.ts";
import { closeWindow, openWindow } from "../tree/shell-window.ts";
import { loadSnapshot } from "../tree/snapshot-record.ts";
import { logEvent } from "./events.ts";
import type { RunRecord } from "./record.ts";
import { runDir, turnDir } from "./store.ts";

/** Characters of a command's output that are kept: its end. */
const MOST_TAIL = 2_000;
/** Bytes of output that are read at all; a command that says more goes on unread. */
const MOST_OUTPUT = 1024 * 1024;

/** Whether the validation commands of a run are to be run: a packet's always, a task file's when asked for. */
export function wantsValidation(record: Pick<RunRecord, "validate" | "spec">, config: Config): boolean {
  return record.spec.packet !== undefined || record.validate === true || config.validate;
}

/** The commands as they are listed where nobody ran them. */
export function notRun(commands: readonly string[], reason: string): ReportedValidation[] {
  return commands.map((command) => ({ command, reason }));
}

/**
 * Runs the validation commands of a run in the shell that held its executor's commands, one after the other:
 * what they write in scope lands and is journalled, the rest does not land.
 * @param minutes how long each of them may take
 * @returns each with its own exit code and the end of its output
 */
export async function runValidation(
  record: RunRecord,
  minutes: number,
  env: NodeJS.ProcessEnv,
): Promise<ReportedValidation[]> {
  const dir = runDir(record.root, record.run_id);
  const commands = record.spec.validation;
  if (!existsSync(placesIn(dir).shell)) return notRun(commands, "the run never had a shell");
  const redact = redactor(env);
  const results: ReportedValidation[] = [];
  for (const [index, command] of commands.entries()) {
    results.push(await one(record, dir, { command, index, minutes, redact }));
  }
  return results;
}

interface Wanted {
  command: string;
  index: number;
  minutes: number;
  redact: Redact;
}

async function one(record: RunRecord, dir: string, wanted: Wanted): Promise<ReportedValidation> {
  const { command, index, minutes, redact } = wanted;
  const places = placesIn(dir);
  const policy = existsSync(places.policy) ? readPolicy(dir) : undefined;
  const run = () =>
    runConfined({
      ...{ shellPath: places.shell, runDir: dir, policy, command, cwd: record.root, buffer: true },
      unattended: { timeoutMs: minutes * 60_000, outputBytes: MOST_OUTPUT },
    });
  try {
    const done = await (policy ? run() : watched(record, `validation-${index}`, run));
    const tail = tailOf(redact(`${done.stdout}${done.stderr}`));
    if (done.timedOut) return { command, tail, reason: `ended after ${minutes} min` };
    return { command, exitCode: done.exitCode, tail };
  } catch (error) {
    return { command, reason: redact(error instanceof Error ? error.message : String(error)) };
  }
}

/** Without confinement everything that changes while a command runs is taken to be its work. */
async function watched<T>(record: RunRecord, callID: string, act: () => Promise<T>): Promise<T> {
  const snapshot = loadSnapshot(turnDir(record));
  if (!snapshot) return act();
  await openWindow(snapshot, { tool: "validation", callID });
  logEvent(record, { type: "shell", callID, confinement: "none", what: "command" });
  try {
    return await act();
  } finally {
    const journal = new Journal(turnDir(record), record.root, snapshot.tree.objectFormat);
    await closeWindow(snapshot, journal, callID);
  }
}

/** The last lines, without what a terminal would act on. */
function tailOf(output: string): string {
  const plain = stripVTControlCharacters(output).replace(/[^\P{Cc}\n\t]/gu, "");
  return plain.trimEnd().slice(-MOST_TAIL);
}
