import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { readJson, writeJson } from "../state/files.ts";
import { type Changes, changesSince } from "./changes.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type { Snapshot } from "./snapshot-record.ts";

// Without confinement nobody sees what a shell command writes. What changed between its start and its end is
// taken to be its work.

const stateSchema = z.nullable(z.object({ mode: z.string(), oid: z.string() }));
const windowSchema = z.object({
  tool: z.string(),
  callID: z.string(),
  /** What differed from the snapshot when the command started: the state by path. */
  states: z.record(z.string(), stateSchema),
});
type States = z.infer<typeof windowSchema>["states"];

const WINDOWS = "windows";

/** Notes the state of the working tree before an unconfined command. Survives a killed process. */
export async function openWindow(snapshot: Snapshot, call: { tool: string; callID: string }): Promise<void> {
  const states = statesOf(await changesSince(snapshot));
  writeJson(windowFile(snapshot, call.callID), { ...call, states });
}

/**
 * Journals what has changed since the command started; does nothing for one that was never opened.
 * @returns whether something has
 */
export async function closeWindow(snapshot: Snapshot, journal: Journal, callID: string): Promise<boolean> {
  const file = windowFile(snapshot, callID);
  const changed = await look(snapshot, journal, [file]);
  rmSync(file, { force: true });
  return changed;
}

/** Closes what a killed process left open. */
export async function closeWindows(snapshot: Snapshot, journal: Journal): Promise<void> {
  const files = windowFiles(snapshot);
  await look(snapshot, journal, files);
  for (const file of files) rmSync(file, { force: true });
}

/**
 * Journals what commands have changed so far whose end nobody has seen: they run still, or were killed.
 * @returns whether something has changed
 */
export function lookThroughWindows(snapshot: Snapshot, journal: Journal): Promise<boolean> {
  return look(snapshot, journal, windowFiles(snapshot));
}

async function look(snapshot: Snapshot, journal: Journal, files: readonly string[]): Promise<boolean> {
  const windows = files.flatMap((file) => readJson(file, windowSchema) ?? []);
  if (windows.length === 0) return false;
  const now = await changesSince(snapshot);
  const found = windows.flatMap(({ states, tool, callID }) =>
    differences(states, now).map((entry) => ({ via: "shell" as const, tool, callID, ...entry })),
  );
  journal.note(found);
  return found.length > 0;
}

/** What the working tree and `.git` hold where they differ from the snapshot; null where there is nothing. */
function statesOf({ changes, git }: Changes): States {
  return Object.fromEntries([
    ...changes.map(({ path, after }) => [path, after ?? null]),
    ...git.map(({ name, after }) => [name, after === undefined ? null : { mode: "git", oid: after }]),
  ]);
}

function differences(
  before: States,
  now: Changes,
): Required<Pick<JournalEntry, "path" | "before" | "after">>[] {
  const after = statesOf(now);
  const originals: States = Object.fromEntries(
    now.changes.map((change) => [change.path, change.before ?? null]),
  );
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((path) => !(path in before && path in after) || !same(before[path], after[path]))
    .map((path) => ({
      path,
      before: path in before ? (before[path] ?? null) : (originals[path] ?? null),
      // Back to what the snapshot has: any state but the one before.
      after: path in after ? (after[path] ?? null) : { mode: "restored", oid: "" },
    }));
}

function same(left: States[string] | undefined, right: States[string] | undefined): boolean {
  return left?.mode === right?.mode && left?.oid === right?.oid;
}

function windowFiles({ store }: Snapshot): string[] {
  const folder = join(store.dir, WINDOWS);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => name.endsWith(".json")).map((name) => join(folder, name));
}

function windowFile({ store }: Snapshot, callID: string): string {
  const name = createHash("sha256").update(callID).digest("hex").slice(0, 32);
  return join(store.dir, WINDOWS, `${name}.json`);
}
