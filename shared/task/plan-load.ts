import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { readTaskText } from "./load.ts";
import { type ChecklistItem, type ExecPlan, readPlan } from "./plan.ts";

/** A plan and the text it was read from. */
export interface LoadedPlan {
  /** Relative to the root where it lies inside. */
  file: string;
  text: string;
  plan: ExecPlan;
}

/**
 * Reads an exec plan.
 * @param file absolute, or relative to the root
 * @throws HandrailError `bad-input` for a file that cannot be read as text
 */
export function loadPlan(file: string, root: string): LoadedPlan {
  const text = readTaskText(file, root);
  return { file, text, plan: readPlan(text, file) };
}

/**
 * Ticks or unticks a checklist item: writes the one byte between its brackets, and nothing else of the file.
 * @returns whether anything had to be written
 * @throws HandrailError `bad-input` when the file is not what was read any more, `not-writable`
 */
export function tickItem(loaded: LoadedPlan, root: string, item: ChecklistItem, checked: boolean): boolean {
  if (item.checked === checked) return false;
  const path = join(root, loaded.file);
  const file = openToWrite(loaded.file.startsWith("/") ? loaded.file : path, loaded.file);
  try {
    const read = Buffer.from(loaded.text, "utf8");
    const now = Buffer.alloc(fstatSync(file).size);
    readSync(file, now, 0, now.length, 0);
    if (!now.equals(read)) {
      throw new HandrailError("bad-input", `${loaded.file} was changed while it was read`, {
        fix: "repeat the command",
      });
    }
    const at = Buffer.byteLength(loaded.text.slice(0, item.offset), "utf8");
    writeSync(file, checked ? "x" : " ", at, "utf8");
  } finally {
    closeSync(file);
  }
  return true;
}

function openToWrite(path: string, shown: string): number {
  try {
    return openSync(path, "r+");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown";
    throw new HandrailError("not-writable", `${shown} cannot be written (${code})`, {
      fix: "check its permissions",
      cause: error,
    });
  }
}
