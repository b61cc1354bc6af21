import { createHash, randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { privateDir } from "../../../shared/state/files.ts";
import { stateDir } from "../../../shared/state/place.ts";
import { VERSION } from "../../../shared/version.ts";

/** Caches of package runners and of Claude Code: what lies there goes away without a word. */
const PASSING = [/\/_npx\//, /\/dlx[-/]/, /\/bunx-/, /\/plugins\/cache\//];

/**
 * The folder that Claude Code can use as a marketplace: the package's own, above this module.
 * @returns undefined where only the Claude Code plugin was copied
 */
export function marketplaceFolder(): string | undefined {
  for (let at = dirname(fileURLToPath(import.meta.url)); dirname(at) !== at; at = dirname(at)) {
    if (isMarketplace(at)) return realpathSync(at);
  }
  return undefined;
}

/** A folder of ours that a host is pointed to. */
export interface OurFolder {
  folder: string;
  /** Files that belong to it, `/`-separated, sorted. */
  files: string[];
}

/** A folder with everything in it. */
export function wholeFolder(folder: string): OurFolder {
  return { folder: realpathSync(folder), files: filesBelow(folder) };
}

/** What the Claude Code side is made of: the marketplace and the built plugin, not its sources. */
export function claudeParts(marketplace: string): OurFolder {
  const files = [".claude-plugin", "claude-hooks"].flatMap((part) =>
    filesBelow(join(marketplace, part)).map((path) => `${part}/${path}`),
  );
  return { folder: marketplace, files: files.filter((path) => !path.endsWith(".ts")) };
}

/**
 * Where a host may load a folder of ours from for good. What lies in a git working tree an executor's
 * commands may write, and what lies in a cache is removed one day: such a folder is copied into Handrail's
 * state folder, as `<kind>/<version>-<hash of the content>/`.
 * @returns the place, and a function that makes it (nothing to make for a folder that can stay)
 */
export function lastingPlace(
  ours: OurFolder,
  kind: "plugin" | "claude",
  env: NodeJS.ProcessEnv,
): { folder: string; make: () => void } {
  if (isLasting(ours.folder)) return { folder: ours.folder, make: () => undefined };
  const place = join(stateDir(env), kind, `${VERSION}-${contentHash(ours)}`);
  return { folder: place, make: () => copyOnce(ours, place) };
}

/** Whether what lies in `folder` may stay there and is the same as ours, file by file. */
export function isSameAndLasting(folder: string, ours: OurFolder, env: NodeJS.ProcessEnv): boolean {
  const real = realpathSync(folder);
  return (isLasting(real) || isCopy(real, env)) && contentHash(wholeFolder(real)) === contentHash(ours);
}

/** One of `lastingPlace`: there is no better place, also where the home is a git working tree (dotfiles). */
function isCopy(folder: string, env: NodeJS.ProcessEnv): boolean {
  const state = stateDir(env);
  return existsSync(state) && folder.startsWith(`${realpathSync(state)}${sep}`);
}

function copyOnce(ours: OurFolder, place: string): void {
  if (existsSync(place) && contentHash(wholeFolder(place)) === contentHash(ours)) return;
  const draft = `${place}.${randomBytes(4).toString("hex")}.tmp`;
  privateDir(draft);
  for (const path of ours.files) {
    mkdirSync(dirname(join(draft, path)), { recursive: true });
    cpSync(join(ours.folder, path), join(draft, path));
  }
  rmSync(place, { recursive: true, force: true });
  renameSync(draft, place);
}

function isMarketplace(folder: string): boolean {
  return [".claude-plugin/marketplace.json", "claude-hooks/.claude-plugin/plugin.json"].every((path) =>
    existsSync(join(folder, path)),
  );
}

function isLasting(folder: string): boolean {
  const plain = `${folder.replaceAll("\\", "/")}/`;
  if (PASSING.some((place) => place.test(plain))) return false;
  const temporary = existsSync(tmpdir()) ? realpathSync(tmpdir()) : tmpdir();
  for (let at = folder; dirname(at) !== at; at = dirname(at)) {
    if (at === temporary || existsSync(join(at, ".git"))) return false;
  }
  return true;
}

/** Regular files, `/`-separated and sorted; links are left out. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
    .sort();
}

function contentHash({ folder, files }: OurFolder): string {
  const hash = createHash("sha256");
  for (const path of files) {
    const bytes = readFileSync(join(folder, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex").slice(0, 12);
}
