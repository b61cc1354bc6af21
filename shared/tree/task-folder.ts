import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";

/** The folder of task files; it ignores itself. */
export const TASKS = "opencode_tasks";
/** Relative to the root. Handrail owns it. */
export const BASELINE_FILE = `${TASKS}/baseline.txt`;

/** Makes `opencode_tasks/` with a `.gitignore` that hides all of it, where they are missing. */
export function makeTaskFolder(root: string): void {
  const folder = join(root, TASKS);
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat && !stat.isDirectory()) {
    throw new HandrailError("bad-input", `${TASKS} is no folder of the repository (a file or a link)`, {
      fix: `move ${TASKS} away`,
    });
  }
  if (!stat) mkdirSync(folder);
  const ignore = join(folder, ".gitignore");
  if (!lstatSync(ignore, { throwIfNoEntry: false })) writeFileSync(ignore, "*\n", { flag: "wx" });
}

/** Writes `baseline.txt`, unless it says so already. What lies there is replaced, a link too, not followed. */
export function writeBaselineFile(root: string, commit: string): void {
  makeTaskFolder(root);
  if (readBaselineFile(root) === commit) return;
  const file = join(root, BASELINE_FILE);
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${commit}\n`, { flag: "w" });
  renameSync(draft, file);
}

/** @returns the commit id in `baseline.txt`, or undefined when there is none */
export function readBaselineFile(root: string): string | undefined {
  const file = join(root, BASELINE_FILE);
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) return undefined;
  return /^[0-9a-f]{40,64}$/.exec(readFileSync(file, "utf8").trim())?.[0];
}
