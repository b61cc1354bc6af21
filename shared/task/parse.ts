import { isPacket, readPacket } from "./packet.ts";
import type { TaskSpec } from "./spec.ts";
import { readTaskFile, slugOf } from "./taskfile.ts";
import type { KindOf } from "./text/names.ts";

export interface ParseOptions {
  /** The slug is read from it; `.json` says that the text is a packet. */
  fileName: string;
  /** Absolute path of the repository root. */
  root: string;
  /** What lies at a path relative to the root; without it nothing is known to exist. */
  kindOf?: KindOf;
}

/**
 * Reads a task: a task file, or a coding packet where the text is JSON. Asks nothing of the file system and
 * throws nothing: what is wrong stands in `errors`, with lines of the original text.
 */
export function parseTask(text: string, options: ParseOptions): TaskSpec {
  const place = { root: options.root, kindOf: options.kindOf ?? (() => undefined) };
  const slug = slugOf(options.fileName) || "task";
  const plain = text.replace(/^\ufeff/, "");
  if (isPacket(plain, options.fileName)) return readPacket(plain, slug, place);
  return readTaskFile(plain, slug, place);
}
