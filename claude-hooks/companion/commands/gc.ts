import type { Command } from "commander";
import { EXIT, HandrailError } from "../../../shared/errors.ts";
import { reap } from "../../../shared/run/reap.ts";
import { oldBaselines } from "../gc/baselines.ts";
import { oldCallbacks, oldClaims } from "../gc/callbacks.ts";
import { oldJobs, oldSessionRecords } from "../gc/companion.ts";
import { oldCopies } from "../gc/copies.ts";
import type { Found, Item } from "../gc/item.ts";
import { goneProjects } from "../gc/projects.ts";
import { oldCommands, oldRuns, oldSessions } from "../gc/runs.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";

interface GcOptions {
  json?: boolean;
  olderThan: number;
  dryRun?: boolean;
}

const DAY = 24 * 60 * 60 * 1000;
const DEFAULT_DAYS = 14;

function days(text: string): number {
  if (/^\d{1,5}(\.\d+)?$/.test(text)) return Number(text);
  throw new HandrailError("bad-usage", `--older-than takes a number of days, not ${JSON.stringify(text)}`, {
    fix: `handrail gc --older-than ${DEFAULT_DAYS}`,
  });
}

/** `handrail gc`: removes old state that belongs to nothing open, and says what. */
export function configure(command: Command): void {
  command
    .option("--older-than <days>", "leave what is younger than this", days, DEFAULT_DAYS)
    .option("--dry-run", "only say what would be removed")
    .addHelpText("after", HELP)
    .action(async (_: unknown, self: Command) => {
      const options: GcOptions = self.optsWithGlobals();
      const repo = await openHere();
      await reap(repo.root);
      const before = Date.now() - options.olderThan * DAY;
      const runs = oldRuns(repo.root, before);
      for (const problem of runs.unreadable) process.stderr.write(`handrail: ${problem}\n`);
      const going = new Set(runs.items.map((item) => item.name));
      const staying = new Set(runs.staying.map((run) => run.run_id));
      const found: Found[] = [
        runs,
        oldCommands(repo.root, before),
        oldSessions(repo.root, before, going),
        oldSessionRecords(repo.root, before, staying),
        oldJobs(repo.root, before, staying),
        await oldBaselines(repo, before, runs.unreadable.length > 0 ? undefined : runs.staying),
        oldCallbacks(repo.root, before, (run) => staying.has(run)),
        oldClaims(repo.root, before),
        oldCopies(before),
        goneProjects(before),
      ];
      const items = found.flatMap((one) => one.items);
      const failed = options.dryRun ? [] : await removeAll(items);
      report(
        options,
        items,
        failed,
        found.flatMap((one) => one.kept),
      );
    });
}

interface Failed {
  kind: Item["kind"];
  name: string;
  why: string;
}

/** Goes on after a failure: the others are as old. */
async function removeAll(items: readonly Item[]): Promise<Failed[]> {
  const failed: Failed[] = [];
  for (const item of items) {
    try {
      await item.remove();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failed.push({ kind: item.kind, name: item.name, why });
    }
  }
  return failed;
}

function report(options: GcOptions, items: readonly Item[], failed: Failed[], kept: Found["kept"]): void {
  const lost = new Set(failed.map((one) => one.name));
  const removed = items
    .filter((item) => !lost.has(item.name))
    .map(({ kind, name, bytes }) => ({ kind, name, bytes }));
  const bytes = removed.reduce((sum, item) => sum + item.bytes, 0);
  const value = {
    dryRun: options.dryRun ?? false,
    olderThanDays: options.olderThan,
    bytes,
    removed,
    kept,
    failed,
  };
  const text = () =>
    [
      removed.length === 0 ? "nothing to remove" : summary(removed, bytes, options.dryRun ?? false),
      ...(options.dryRun ? removed.map((item) => `  ${item.kind} ${item.name} (${size(item.bytes)})`) : []),
      ...kept.map(({ kind, name, why }) => `kept ${kind} ${name}: ${why}`),
      ...failed.map(({ kind, name, why }) => `could not remove ${kind} ${name}: ${why}`),
    ].join("\n");
  emit(options, value, text, failed.length > 0 ? EXIT.failed : EXIT.done);
}

const WORDS: Record<Item["kind"], [one: string, many: string]> = {
  run: ["run", "runs"],
  exec: ["single command", "single commands"],
  baseline: ["baseline", "baselines"],
  callback: ["callback", "callbacks"],
  session: ["session", "sessions"],
  job: ["job", "jobs"],
  copy: ["copy of a plugin", "copies of a plugin"],
  project: ["working tree that is gone", "working trees that are gone"],
  leftover: ["leftover", "leftovers"],
};

function summary(removed: readonly { kind: Item["kind"] }[], bytes: number, dry: boolean): string {
  const counts = Object.entries(WORDS).flatMap(([kind, [one, many]]) => {
    const count = removed.filter((item) => item.kind === kind).length;
    return count === 0 ? [] : `${count} ${count === 1 ? one : many}`;
  });
  return `${dry ? "would remove" : "removed"} ${counts.join(", ")}: ${size(bytes)}`;
}

function size(bytes: number): string {
  if (bytes < 1024 ** 2) return `${Math.ceil(bytes / 1024)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

const HELP = `
Removes, where it is older than --older-than (default ${DEFAULT_DAYS} days) and belongs to no open run:
  runs that have ended, with their quarantine, and what single commands (exec) have left
  baselines (refs/handrail/*) of tasks that no run is left of, also of working trees that are gone
  callbacks that were delivered, and what inboxes keep of them
  what is on record of sessions (their prompts too) whose runs are gone, and of jobs that are over
  copies of the plugins that no host loads any more

Example:
  handrail gc --older-than 30 --dry-run`;
