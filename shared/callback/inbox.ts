import { randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { HandrailError } from "../errors.ts";
import { parseJson, privateDir, writeStateFile } from "../state/files.ts";
import { stateDir } from "../state/place.ts";
import { type CallbackPayload, payloadSchema } from "./payload.ts";

/*
 * An inbox is a folder with one file per callback, `<callback id>.json`. Claude Code watches it, so
 * nothing else is ever in it: drafts and what was claimed lie in folders beside it,
 *   <parent>/.incoming/   <parent>/.claimed/<inbox>/<id>.json   and beside that  <id>.told  <id>.again
 */

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const MAX_BYTES = 256 * 1024;
const TOLD = ".told";
const AGAIN = ".again";
/** A hook is ended by Claude Code after 30 s (hooks.json): whoever claimed longer ago and has not told is dead. */
const TELLING_MS = 60_000;

/**
 * The inbox of one Claude session: `<state>/inbox/<session id>`.
 * @throws HandrailError `bad-input` for an id that cannot be part of a path
 */
export function inboxDir(sessionId: string, env: NodeJS.ProcessEnv = process.env): string {
  if (!ID.test(sessionId)) throw badId("session", sessionId);
  return join(stateDir(env), "inbox", sessionId);
}

/**
 * Puts a callback into an inbox, by rename from outside it. Putting the same callback again, whenever,
 * does nothing once it is there or was claimed.
 */
export function putCallback(dir: string, payload: CallbackPayload): void {
  const id = payload.callback_id;
  if (!ID.test(id)) throw badId("callback", id);
  if (existsSync(join(claimedDir(dir), `${id}.json`)) || existsSync(join(dir, `${id}.json`))) return;
  const draft = join(dirname(dir), ".incoming", `${id}.${randomBytes(6).toString("hex")}`);
  writeStateFile(draft, JSON.stringify(payload));
  renameSync(draft, join(privateDir(dir), `${id}.json`));
}

/** The ids of the callbacks that wait in an inbox, sorted. Reads names only. */
export function peek(dir: string): string[] {
  return names(dir)
    .filter((name) => name.endsWith(".json") && ID.test(name.slice(0, -5)))
    .map((name) => name.slice(0, -5))
    .sort();
}

export interface Claimed {
  callbacks: CallbackPayload[];
  /** Files that are no callback, kept where they were moved to. */
  unreadable: string[];
  /**
   * To be called when the caller has been told: until then a crash brings the callbacks back.
   * @param session who was told
   */
  told(session?: string): void;
}

/**
 * Claims what waits in the inboxes, each callback for exactly one of all who try: the claim is a hard
 * link, which only one can make, even where a sender put the same callback twice.
 * @param wanted which of the waiting ones; default all
 * @param most how many at most; the rest stays
 */
export function claimAll(
  dirs: readonly string[],
  { wanted = () => true, most = 100 }: { wanted?: (payload: CallbackPayload) => boolean; most?: number } = {},
): Claimed {
  const claimed: Claimed & { ids: [string, string][] } = {
    callbacks: [],
    unreadable: [],
    ids: [],
    told(session = "") {
      for (const [dir, id] of this.ids) mark(claimedDir(dir), `${id}${TOLD}`, session);
    },
  };
  for (const dir of dirs) {
    bringBackUntold(dir);
    for (const id of peek(dir)) {
      if (claimed.callbacks.length >= most) return claimed;
      const read = readCallback(join(dir, `${id}.json`), id);
      if (read.kind === "gone" || (read.kind === "callback" && !wanted(read.payload))) continue;
      if (read.kind === "unreadable") claimed.unreadable.push(...setAside(dir, id));
      else if (take(dir, id)) {
        claimed.callbacks.push(read.payload);
        claimed.ids.push([dir, id]);
      }
    }
  }
  return claimed;
}

type Read = { kind: "callback"; payload: CallbackPayload } | { kind: "unreadable" } | { kind: "gone" };

function readCallback(path: string, id: string): Read {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile() || stat.size > MAX_BYTES) return { kind: "unreadable" };
    const parsed = parseJson(readFileSync(path, "utf8"), payloadSchema);
    return parsed.ok && parsed.value.callback_id === id
      ? { kind: "callback", payload: parsed.value }
      : { kind: "unreadable" };
  } catch (error) {
    if (isCode(error, "ENOENT")) return { kind: "gone" };
    throw error;
  }
}

/** @returns whether this process is the one that has it now */
function take(dir: string, id: string): boolean {
  const from = join(dir, `${id}.json`);
  const to = join(privateDir(claimedDir(dir)), `${id}.json`);
  try {
    linkSync(from, to);
  } catch (error) {
    if (isCode(error, "EEXIST"))
      rmSync(from, { force: true }); // claimed before: a second copy
    else if (!isCode(error, "ENOENT")) throw error;
    return false;
  }
  rmSync(from, { force: true });
  return true;
}

/** @returns where the file is now, if this process was the one to move it */
function setAside(dir: string, id: string): string[] {
  const to = join(privateDir(claimedDir(dir)), `${id}.unreadable-${randomBytes(3).toString("hex")}`);
  try {
    renameSync(join(dir, `${id}.json`), to);
    return [to];
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  }
}

/**
 * Puts back what a session was told, but its conversation does not hold: Claude Code was killed before it
 * had written it down.
 * @param holds whether the conversation, as it was kept, holds a callback
 */
export function bringBackLost(dir: string, session: string, holds: (id: string) => boolean): void {
  const place = claimedDir(dir);
  for (const name of names(place)) {
    const id = name.slice(0, -TOLD.length);
    if (!name.endsWith(TOLD) || readFileSync(join(place, name), "utf8") !== session) continue;
    if (!holds(id)) bringBack(dir, id);
  }
}

/** Puts back what somebody claimed and died before telling. */
function bringBackUntold(dir: string): void {
  const place = claimedDir(dir);
  const there = new Set(names(place));
  for (const name of there) {
    const id = name.slice(0, -".json".length);
    if (!name.endsWith(".json") || there.has(`${id}${TOLD}`) || there.has(`${id}${AGAIN}`)) continue;
    // The claim's link is the last change of the inode.
    const claimed = lstatSync(join(place, name), { throwIfNoEntry: false })?.ctimeMs ?? Date.now();
    if (Date.now() - claimed >= TELLING_MS) bringBack(dir, id);
  }
}

/** Once only: what is lost twice stays in the record of the run. */
function bringBack(dir: string, id: string): void {
  const place = claimedDir(dir);
  if (!mark(place, `${id}${AGAIN}`, "")) return;
  try {
    rmSync(join(place, `${id}${TOLD}`), { force: true });
    renameSync(join(place, `${id}.json`), join(privateDir(dir), `${id}.json`));
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error; // `handrail gc` was here
  }
}

/** Makes a file. @returns false when it was there */
function mark(dir: string, name: string, content: string): boolean {
  try {
    writeFileSync(join(dir, name), content, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

function claimedDir(dir: string): string {
  return join(dirname(dir), ".claimed", basename(dir));
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function badId(kind: string, id: string): HandrailError {
  return new HandrailError("bad-input", `not a ${kind} id: ${JSON.stringify(id.slice(0, 60))}`);
}
