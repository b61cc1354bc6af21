import { randomBytes } from "node:crypto";
import { existsSync, linkSync, lstatSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { HandrailError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import { parseJson, privateDir, writeStateFile } from "../state/files.ts";
import { stateDir } from "../state/place.ts";
import { claimedDir, isCode, markTold, namesIn, noteClaim, recover, type Teller } from "./claimed.ts";
import { type CallbackPayload, payloadSchema } from "./payload.ts";

/*
 * An inbox is a folder with one file per callback, `<callback id>.json`. Claude Code watches it, so
 * nothing else is ever in it: drafts and what was claimed lie in folders beside it, `<parent>/.incoming/` and
 * `<parent>/.claimed/<inbox>/` (claimed.ts).
 */

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const MAX_BYTES = 256 * 1024;

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
  if (isThere(dir, id)) return;
  const draft = join(dirname(dir), ".incoming", `${id}.${randomBytes(6).toString("hex")}`);
  writeStateFile(draft, JSON.stringify(payload));
  faultPoint("inbox-drafted");
  renameSync(draft, join(privateDir(dir), `${id}.json`));
  faultPoint("inbox-renamed");
}

function isThere(dir: string, id: string): boolean {
  return existsSync(join(claimedDir(dir), `${id}.json`)) || existsSync(join(dir, `${id}.json`));
}

/** Whether a callback waits in an inbox: it is there, and nobody has claimed it. */
export function waitsIn(dir: string, id: string): boolean {
  return existsSync(join(dir, `${id}.json`));
}

/** The ids of the callbacks that wait in an inbox, sorted. Reads names only. */
export function peek(dir: string): string[] {
  return namesIn(dir)
    .filter((name) => name.endsWith(".json") && ID.test(name.slice(0, -5)))
    .map((name) => name.slice(0, -5))
    .sort();
}

export interface Claimed {
  callbacks: CallbackPayload[];
  /** Files that are no callback, kept where they were moved to. */
  unreadable: string[];
  /** What a text that tells of several callbacks at once holds in place of their ids. */
  marker: string;
  /**
   * To be called when the caller has been told: until then the death of this process brings them back.
   * @param session who was told
   * @param marker by which words the conversation can be asked about a callback; undefined where it needs none
   */
  told(session?: string, marker?: (id: string) => string | undefined): void;
}

export interface Claiming {
  /** Which of the waiting ones; default all. */
  wanted?: (payload: CallbackPayload) => boolean;
  /** How many at most; the rest stays. */
  most?: number;
  /** The file that the conversation is written to, of which the callbacks are told. */
  transcript?: string | undefined;
}

/**
 * Claims what waits in the inboxes, each callback for exactly one of all who try: the claim is a hard
 * link, which only one can make, even where a sender put the same callback twice. What somebody claimed who
 * died before telling comes back first, unless his conversation holds it.
 */
export function claimAll(dirs: readonly string[], options: Claiming = {}): Claimed {
  const { wanted = () => true, most = Number.POSITIVE_INFINITY, transcript } = options;
  const nonce = randomBytes(4).toString("hex");
  const tellers: Teller[] = [];
  const claimed: Claimed = {
    callbacks: [],
    unreadable: [],
    marker: `[batch-${nonce}]`,
    told(session = "", marker = (id) => `[${id}]`) {
      for (const teller of tellers) markTold(teller, session, marker);
      faultPoint("told-marked");
    },
  };
  for (const dir of dirs) {
    recover(dir);
    const found = peek(dir).flatMap((id) => {
      const read = readCallback(join(dir, `${id}.json`), id);
      if (read.kind === "unreadable") claimed.unreadable.push(...setAside(dir, id));
      return read.kind === "callback" && wanted(read.payload) ? [read.payload] : [];
    });
    const some = found.slice(0, Math.max(0, most - claimed.callbacks.length));
    if (some.length === 0) continue;
    const teller = noteClaim(dir, { nonce, marker: claimed.marker, transcript });
    teller.note(some.map((one) => one.callback_id));
    faultPoint("claim-noted");
    const mine = some.filter((one) => take(dir, one.callback_id));
    faultPoint("claimed");
    if (mine.length < some.length) teller.note(mine.map((one) => one.callback_id));
    claimed.callbacks.push(...mine);
    tellers.push(teller);
  }
  return claimed;
}

/** Takes callbacks back that nobody has claimed yet; they count as told. @param over which, by their ids */
export function withdraw(dir: string, over: (id: string) => boolean): void {
  const ids = peek(dir).filter((id) => over(id) && take(dir, id));
  if (ids.length === 0) return;
  const teller = noteClaim(dir, { nonce: randomBytes(4).toString("hex"), marker: "", transcript: undefined });
  teller.note(ids);
  markTold(teller, "", () => undefined);
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

function badId(kind: string, id: string): HandrailError {
  return new HandrailError("bad-input", `not a ${kind} id: ${JSON.stringify(id.slice(0, 60))}`);
}
