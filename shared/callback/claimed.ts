import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import * as z from "zod/mini";
import { identify, isAlive, processIdentitySchema } from "../run/process.ts";
import { parseJson, privateDir, writeJson } from "../state/files.ts";
import { conversationIn, type Holds } from "./conversation.ts";

/*
 * What was claimed of an inbox, in `<parent>/.claimed/<inbox>/`:
 *   <id>.json    the callback. Whoever made this link has it
 *   <n>.claim    who is just telling which ones; gone when the conversation holds them
 *   <id>.told    it was told: to which session, and by which words its conversation can be asked about it
 *   <id>.again   it was brought back although nobody could say whether it had been told: once is enough
 */

const TOLD = ".told";
const AGAIN = ".again";
const CLAIM = ".claim";
/** A hook is ended by Claude Code after 30 s (hooks.json): whoever claimed longer ago and has not told is dead. */
const TELLING_MS = 60_000;
/** What Claude Code has written down so long after it was told something holds that, if it has arrived. */
const WRITING_MS = 5_000;
/** After so long nobody asks any more. */
const CONFIRMING_MS = 24 * 3_600_000;

const claimSchema = z.object({
  process: processIdentitySchema,
  ids: z.array(z.string()),
  /** What a text that tells of several at once holds. */
  marker: z.string(),
  transcript: z.optional(z.string()),
  /** When they were told, in milliseconds since 1970: his own end could still keep that from arriving. */
  told: z.optional(z.number()),
});

/** Whoever tells what he has claimed of one inbox. */
export interface Teller {
  place: string;
  file: string;
  ids: readonly string[];
  /** Puts on record which ones he tells, before he does, and when he has. */
  note(ids: readonly string[], told?: number): void;
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
    note(ids, told) {
      this.ids = ids;
      writeJson(this.file, { ...claim, ids, ...(told === undefined ? {} : { told }) });
    },
  };
}

/** Notes that a teller's callbacks were told. */
export function markTold(teller: Teller, session: string, marker: (id: string) => string | undefined): void {
  const asked = teller.ids.filter((id) => marker(id) !== undefined);
  for (const id of teller.ids) {
    const words = marker(id);
    // What no words can be looked for by must never count as lost.
    make(teller.place, `${id}${TOLD}`, words === undefined ? "" : `${session}\n${words}`);
  }
  if (asked.length > 0) teller.note(asked, Date.now());
  else rmSync(teller.file, { force: true });
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
    const id = name.slice(0, -TOLD.length);
    const { whom, words } = toldIn(place, id);
    if (whom === session && words !== undefined && holds(words) === false) bringBack(dir, id, { once: true });
  }
}

/** To whom a callback was told, and by which words his conversation can be asked about it. */
function toldIn(place: string, id: string): { whom: string | undefined; words: string | undefined } {
  const file = join(place, `${id}${TOLD}`);
  const [whom, words] = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return { whom, words };
}

/** Puts back what somebody claimed and died before it arrived; notes as told what his conversation holds. */
export function recover(dir: string): void {
  const place = claimedDir(dir);
  const there = new Set(namesIn(place));
  const claims = [...there].filter((name) => name.endsWith(CLAIM)).flatMap((name) => readClaim(place, name));
  const untold = [...there]
    .filter((name) => name.endsWith(".json") && !there.has(`${name.slice(0, -".json".length)}${TOLD}`))
    .map((name) => name.slice(0, -".json".length));
  for (const id of untold) {
    const named = claims.filter((claim) => claim.ids.includes(id));
    const dead = named.length > 0 && named.every((claim) => !isAlive(claim.process));
    if (!dead && isRecent(join(place, `${id}.json`))) continue;
    const held = named.map(({ holds, marker }) => holds(`[${id}]`) || (marker !== "" && holds(marker)));
    if (held.includes(true)) make(place, `${id}${TOLD}`, "");
    else bringBack(dir, id, { once: held.length === 0 || held.includes(undefined) });
  }
  for (const claim of claims) confirm(dir, claim);
}

/** Ends a claim once it is known whether what was told has arrived; what has not comes back. */
function confirm(dir: string, claim: Claim): void {
  if (isAlive(claim.process)) return;
  const place = claimedDir(dir);
  const missing = claim.ids.filter((id) => {
    const { words } = toldIn(place, id);
    return words !== undefined && claim.holds(words) === false;
  });
  if (claim.told !== undefined && missing.length > 0) {
    if (!isWrittenSince(claim.transcript, claim.told) && Date.now() - claim.told < CONFIRMING_MS) return;
    for (const id of missing) bringBack(dir, id, { once: true });
  }
  rmSync(claim.file, { force: true });
}

/** Whether the conversation was written to some time after a moment: then it holds what came before. */
function isWrittenSince(transcript: string | undefined, moment: number): boolean {
  const file = transcript === undefined ? undefined : statSync(transcript, { throwIfNoEntry: false });
  return file !== undefined && file.mtimeMs - moment >= WRITING_MS;
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
