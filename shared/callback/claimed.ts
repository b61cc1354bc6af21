import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as z from "zod/mini";
import { identify, isAlive, processIdentitySchema } from "../run/process.ts";
import { parseJson, privateDir, writeJson } from "../state/files.ts";
import { conversationIn, type Holds } from "./conversation.ts";

/*
 * What was claimed of an inbox, in `<parent>/.claimed/<inbox>/`:
 *   <id>.json    the callback. Whoever made this link has it
 *   <n>.claim    who is just telling which ones; gone when they are told
 *   <id>.told    it was told: to which session, and by which words its conversation can be asked about it
 *   <id>.again   it was brought back although nobody could say whether it had been told: once is enough
 */

const TOLD = ".told";
const AGAIN = ".again";
const CLAIM = ".claim";
/** A hook is ended by Claude Code after 30 s (hooks.json): whoever claimed longer ago and has not told is dead. */
const TELLING_MS = 60_000;

const claimSchema = z.object({
  process: processIdentitySchema,
  ids: z.array(z.string()),
  /** What a text that tells of several at once holds. */
  marker: z.string(),
  transcript: z.optional(z.string()),
});

/** Whoever tells what he has claimed of one inbox. */
export interface Teller {
  place: string;
  file: string;
  ids: readonly string[];
  /** Puts on record which ones he tells, before he does. */
  note(ids: readonly string[]): void;
}

/** Makes the record of a claim, by which others see that its process has died. */
export function noteClaim(
  dir: string,
  { nonce, marker, transcript }: { nonce: string; marker: string; transcript: string | undefined },
): Teller {
  const place = privateDir(claimedDir(dir));
  const claim = { process: identify(), marker, ...(transcript === undefined ? {} : { transcript }) };
  return {
    place,
    file: join(place, `${nonce}${CLAIM}`),
    ids: [],
    note(ids) {
      this.ids = ids;
      writeJson(this.file, { ...claim, ids });
    },
  };
}

/** Notes that a teller's callbacks were told. */
export function markTold(teller: Teller, session: string, marker: (id: string) => string | undefined): void {
  for (const id of teller.ids) {
    const words = marker(id);
    // What no words can be looked for by must never count as lost.
    make(teller.place, `${id}${TOLD}`, words === undefined ? "" : `${session}\n${words}`);
  }
  rmSync(teller.file, { force: true });
}

/**
 * Puts back what a session was told, but its conversation does not hold: Claude Code was killed before it
 * had written it down.
 * @param holds the conversation, as it was kept
 */
export function bringBackLost(dir: string, session: string, holds: Holds): void {
  const place = claimedDir(dir);
  for (const name of namesIn(place)) {
    if (!name.endsWith(TOLD)) continue;
    const [whom, words] = readFileSync(join(place, name), "utf8").split("\n");
    if (whom !== session || words === undefined || holds(words) !== false) continue;
    bringBack(dir, name.slice(0, -TOLD.length), { once: true });
  }
}

/** Puts back what somebody claimed and died before telling; notes as told what his conversation holds. */
export function recover(dir: string): void {
  const place = claimedDir(dir);
  const there = new Set(namesIn(place));
  const untold = [...there]
    .filter((name) => name.endsWith(".json") && !there.has(`${name.slice(0, -".json".length)}${TOLD}`))
    .map((name) => name.slice(0, -".json".length));
  if (untold.length === 0) return;
  const claims = [...there].filter((name) => name.endsWith(CLAIM)).flatMap((name) => readClaim(place, name));
  for (const id of untold) {
    const named = claims.filter((claim) => claim.ids.includes(id));
    const dead = named.length > 0 && named.every((claim) => !isAlive(claim.process));
    if (!dead && isRecent(join(place, `${id}.json`))) continue;
    const held = named.map(({ holds, marker }) => holds(`[${id}]`) || (marker !== "" && holds(marker)));
    if (held.includes(true)) make(place, `${id}${TOLD}`, "");
    else bringBack(dir, id, { once: held.length === 0 || held.includes(undefined) });
  }
  for (const claim of claims) if (!isAlive(claim.process)) rmSync(claim.file, { force: true });
}

type Claim = z.infer<typeof claimSchema> & { file: string; holds: Holds };

function readClaim(place: string, name: string): Claim[] {
  const file = join(place, name);
  try {
    const parsed = parseJson(readFileSync(file, "utf8"), claimSchema);
    return parsed.ok ? [{ ...parsed.value, file, holds: conversationIn(parsed.value.transcript) }] : [];
  } catch (error) {
    if (isCode(error, "ENOENT")) return []; // told meanwhile
    throw error;
  }
}

/** The claim's link is the last change of the inode. A time far away means a clock that was set. */
function isRecent(file: string): boolean {
  const claimed = lstatSync(file, { throwIfNoEntry: false })?.ctimeMs ?? Date.now();
  return Math.abs(Date.now() - claimed) < TELLING_MS;
}

/** @param once what is lost a second time, as far as anybody knows, stays in the record of the run */
function bringBack(dir: string, id: string, { once }: { once: boolean }): void {
  const place = claimedDir(dir);
  if (once && !make(place, `${id}${AGAIN}`, "")) return;
  try {
    rmSync(join(place, `${id}${TOLD}`), { force: true });
    renameSync(join(place, `${id}.json`), join(privateDir(dir), `${id}.json`));
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error; // somebody else was faster
  }
}

/** Makes a file. @returns false when it was there */
function make(dir: string, name: string, content: string): boolean {
  try {
    writeFileSync(join(dir, name), content, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

export function claimedDir(dir: string): string {
  return join(dirname(dir), ".claimed", basename(dir));
}

export function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
