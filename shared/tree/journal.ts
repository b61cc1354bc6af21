import { appendFileSync, copyFileSync, existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { resolvePath } from "../scope/paths.ts";
import { parseJson, privateDir } from "../state/files.ts";
import { below } from "./bytes.ts";
import { fileState, KEEP_FILE, lstatOf } from "./objects.ts";
import type { ObjectFormat } from "./repository.ts";

/** Mode and id of a file as git would name it (see `FileState`); null where there is none. */
const stateSchema = z.nullable(z.object({ mode: z.string(), oid: z.string() }));

/** One path that Handrail let a call write. Without `after` the call is not known to have ended. */
const entrySchema = z.object({
  /** ISO 8601, UTC. */
  at: z.string(),
  via: z.enum(["tool", "shell"]),
  tool: z.string(),
  callID: z.string(),
  /** Relative to the root; `.git/...` for something in the git directory. */
  path: z.string(),
  before: stateSchema,
  after: z.optional(stateSchema),
});
export type JournalEntry = z.infer<typeof entrySchema>;

export interface JournalCall {
  via: "tool" | "shell";
  tool: string;
  callID: string;
  /** As the tool was given them. */
  paths: readonly string[];
  /** Where relative ones start. */
  directory: string;
  /** The paths are relative to the root and mean just these names: no link is followed. */
  resolved?: boolean;
}

const FILE = "journal.jsonl";
const IMAGES = "images";

/**
 * What Handrail let through in a turn: `journal.jsonl`, appended before a write (with the pre-image in
 * `images/<oid>`) and after it. Everything is written synchronously: a killed process loses at most the
 * line it was writing.
 */
export class Journal {
  readonly #dir: string;
  readonly #root: string;
  readonly #format: ObjectFormat;
  readonly #open = new Map<string, JournalEntry[]>();

  /** @param dir the turn's own folder @param root real path of the working tree's top level */
  constructor(dir: string, root: string, format: ObjectFormat = "sha1") {
    this.#dir = privateDir(dir);
    this.#root = root;
    this.#format = format;
    privateDir(join(dir, IMAGES));
    const file = join(dir, FILE);
    // A line that a killed process left unfinished must not swallow the next one.
    if (existsSync(file) && !/(^|\n)$/.test(readFileSync(file, "utf8"))) appendFileSync(file, "\n");
  }

  /**
   * Notes what a call is about to write and keeps the pre-images.
   * @throws HandrailError `internal` for a path that cannot be resolved: the call must not go on
   */
  begin(call: JournalCall): void {
    const { via, tool, callID } = call;
    const paths = new Set(
      call.resolved ? call.paths : call.paths.flatMap((path) => this.#resolve(path, call.directory)),
    );
    const entries = [...paths].map((path): JournalEntry => {
      return { at: now(), via, tool, callID, path, before: this.#keep(path) };
    });
    this.#open.set(callID, [...(this.#open.get(callID) ?? []), ...entries]);
    this.#append(entries);
  }

  /**
   * Notes what came of a call; one that never began is none.
   * @param left what the call did not change after all: what is there now is somebody else's
   */
  end(callID: string, left: ReadonlySet<string> = new Set()): void {
    const entries = this.#open.get(callID) ?? [];
    this.#open.delete(callID);
    const after = ({ path, before }: JournalEntry) => (left.has(path) ? before : this.#state(path));
    this.#append(entries.map((entry) => ({ ...entry, at: now(), after: after(entry) })));
  }

  /** Notes changes that were seen only afterwards. */
  note(entries: readonly Omit<JournalEntry, "at">[]): void {
    this.#append(entries.map((entry) => ({ at: now(), ...entry })));
  }

  #resolve(path: string, directory: string): string[] {
    const resolved = resolvePath(path, { root: this.#root, directory });
    if ("decision" in resolved) {
      throw new HandrailError("internal", `cannot journal ${JSON.stringify(path)}: ${resolved.detail ?? ""}`);
    }
    return [resolved.lexical, resolved.real].flatMap((one) => (one ? [one] : []));
  }

  #state(path: string): JournalEntry["before"] {
    return fileState(this.#root, path, this.#format) ?? null;
  }

  #keep(path: string): JournalEntry["before"] {
    const state = this.#state(path);
    if (!state) return null;
    const image = join(this.#dir, IMAGES, state.oid);
    const stat = lstatOf(this.#root, path);
    if (existsSync(image) || !stat || stat.size > KEEP_FILE) return state;
    if (stat.isSymbolicLink()) {
      writeFileSync(image, readlinkSync(below(this.#root, path), { encoding: "buffer" }), { mode: 0o600 });
    } else if (stat.isFile()) copyFileSync(below(this.#root, path), image);
    return state;
  }

  #append(entries: readonly JournalEntry[]): void {
    if (entries.length === 0) return;
    const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    appendFileSync(join(this.#dir, FILE), lines, { mode: 0o600 });
  }
}

function now(): string {
  return new Date().toISOString();
}

/**
 * Reads a turn's journal. A line that does not parse is one that a killed process was writing; what it
 * began is still there without an end.
 * @returns one entry for each call and path, the later line standing for the earlier; [] without a journal
 */
export function readJournal(dir: string): JournalEntry[] {
  const file = join(dir, FILE);
  if (!existsSync(file)) return [];
  const entries = new Map<string, JournalEntry>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const parsed = parseJson(line, entrySchema);
    if (parsed.ok) entries.set(`${parsed.value.callID}\0${parsed.value.path}`, parsed.value);
  }
  return [...entries.values()];
}

/** The bytes that a path held before a journalled write, or undefined where they were not kept. */
export function preImage(dir: string, entry: JournalEntry): Buffer | undefined {
  const image = entry.before && join(dir, IMAGES, entry.before.oid);
  return image && existsSync(image) ? readFileSync(image) : undefined;
}

/** Paths that journalled calls changed, or may have: a call that did not end counts. */
export function pathsChangedBy(entries: readonly JournalEntry[]): Set<string> {
  const changed = entries.filter(
    ({ before, after }) => after === undefined || before?.oid !== after?.oid || before?.mode !== after?.mode,
  );
  return new Set(changed.map((entry) => entry.path));
}
