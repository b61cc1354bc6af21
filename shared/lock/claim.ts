import { randomBytes } from "node:crypto";
import { linkSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { parseJson, privateDir, writeStateFile } from "../state/files.ts";

const claimSchema = z.object({ holder: z.string(), released: z.optional(z.boolean()) });

/**
 * A claim on a folder's one place, safe against killed holders and racing claimants, without deleting
 * anything that may be somebody's: claims are numbered files, made with O_EXCL; the highest number
 * holds. A dead holder is succeeded by making the next number, which only one claimant can.
 * @param dir the folder of this claim
 * @param holder who claims, one line; passed to `isLive` of later claimants
 * @param isLive whether a holder still counts (its process runs, its run has not ended)
 */
export function claim(
  dir: string,
  holder: string,
  isLive: (holder: string) => boolean,
): { ok: true; release: () => void } | { ok: false; holder: string } {
  privateDir(dir);
  for (;;) {
    const top = numbers(dir).at(-1) ?? 0;
    const current = top === 0 ? undefined : readClaim(join(dir, String(top)));
    if (current && !current.released) {
      if (current.holder === holder) return { ok: true, release: () => release(dir, top) };
      if (isLive(current.holder)) return { ok: false, holder: current.holder };
    }
    const mine = top + 1;
    if (!create(dir, mine, { holder })) continue; // another claimant was first
    if (numbers(dir).at(-1) !== mine) {
      // This claimant was so slow that its number had been used and cleared in between.
      rmSync(join(dir, String(mine)), { force: true });
      continue;
    }
    for (const old of numbers(dir)) if (old < top) rmSync(join(dir, String(old)), { force: true });
    return { ok: true, release: () => release(dir, mine) };
  }
}

/** Who holds the place now, if anybody. */
export function claimHolder(dir: string): string | undefined {
  const top = numbers(dir).at(-1);
  const current = top === undefined ? undefined : readClaim(join(dir, String(top)));
  return current && !current.released ? current.holder : undefined;
}

/** The next number, marked free; there is one already where somebody has succeeded. Never throws. */
function release(dir: string, mine: number): void {
  try {
    create(dir, mine + 1, { holder: "", released: true });
  } catch {
    releaseWithoutRoom(dir, mine);
  }
}

/** On a full disk: a link to nothing takes a name and no more, and reads like a claim that is gone. */
function releaseWithoutRoom(dir: string, mine: number): void {
  try {
    symlinkSync("released", join(dir, String(mine + 1)));
  } catch {
    // Not even that: the claim ends with its holder, and `isLive` tells of him.
  }
}

function numbers(dir: string): number[] {
  try {
    return readdirSync(dir)
      .filter((name) => /^\d{1,12}$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function readClaim(path: string): z.infer<typeof claimSchema> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // succeeded and cleared meanwhile
    throw error;
  }
  const parsed = parseJson(text, claimSchema);
  return parsed.ok ? parsed.value : undefined;
}

/** Makes a claim file with its content in one step: link(2) fails if the name is taken. */
function create(dir: string, number: number, content: z.infer<typeof claimSchema>): boolean {
  const draft = join(dir, `draft-${randomBytes(6).toString("hex")}`);
  writeStateFile(draft, JSON.stringify(content));
  try {
    linkSync(draft, join(dir, String(number)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
