import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { projectRoot } from "./process.ts";

/** A shell command and what it does when nothing holds it, in the fixture of `test/cases/fixture.sh`. */
const caseSchema = z.object({
  id: z.string(),
  cmd: z.string(),
  category: z.string(),
  effect: z.enum(["read_only", "in_scope", "violates"]),
  /** Its code, its output or what it writes differs from run to run, or with who its parent is. */
  varies: z.optional(z.boolean()),
  /** What it does in scope hangs on something that it may not do (a commit, a file of another folder). */
  hangs: z.optional(z.boolean()),
});
export type Case = z.infer<typeof caseSchema>;

/** The scope of every case. */
export const CASE_SCOPE = {
  allow: ["src/a.ts", "src/lib/**"],
  forbid: ["src/lib/secret.ts", "package.json", ".env", ".github/**", "opencode_tasks/**"],
};
const SCRATCH = /^repo\/(node_modules|dist)(\/|$)/;

/** @param names files in `test/cases` */
export function loadCases(...names: string[]): Case[] {
  return names.flatMap((name) =>
    readFileSync(join(projectRoot, "test/cases", name), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => caseSchema.parse(JSON.parse(line))),
  );
}

/** Builds the fixture: `dir/{repo,outside,home,tmp}`. */
export function buildFixture(dir: string): void {
  const script = join(projectRoot, "test/cases/fixture.sh");
  execFileSync("bash", [script, dir], { stdio: "pipe", env: { PATH: process.env.PATH } });
}

/** Makes `to` what `from` is, byte for byte, with a git index that fits. */
export function copyFixture(from: string, to: string): void {
  execFileSync("sh", [
    "-c",
    'chattr -R -i "$1" 2>/dev/null; chmod -R u+rwx "$1" 2>/dev/null; rm -rf "$1"',
    "sh",
    to,
  ]);
  rmSync(to, { recursive: true, force: true });
  execFileSync("cp", ["-a", from, to]);
  const env = { ...caseEnvironment(to), GIT_CONFIG_GLOBAL: join(to, "home/.gitconfig") };
  execFileSync("sh", ["-c", "git update-index -q --refresh; true"], { cwd: join(to, "repo"), env });
}

/** A bubblewrap that is not installed can be named by `HANDRAIL_TEST_BWRAP`. */
const BWRAP = process.env.HANDRAIL_TEST_BWRAP ? `:${dirname(process.env.HANDRAIL_TEST_BWRAP)}` : "";

/** What a case's command is run with. */
export function caseEnvironment(dir: string): NodeJS.ProcessEnv {
  return {
    PATH: `${join(process.execPath, "..")}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin${BWRAP}`,
    HOME: join(dir, "home"),
    TMPDIR: join(dir, "tmp"),
    PWD: join(dir, "repo"),
    LANG: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
  };
}

/** Everything of a fixture but its temporary files: path -> what lies there. Names are bytes, as latin1. */
export type Tree = Record<string, string>;

/** Larger files are told apart by their size alone. */
const MOST_HASHED = 16 * 1024 * 1024;

/** @param more other parts to read too */
export function readTree(dir: string, ...more: string[]): Tree {
  const found: Tree = {};
  for (const part of ["repo", "outside", "home", ...more]) walk(dir, part, found);
  for (const name of readdirSync(dir).filter((one) => !["repo", "outside", "home", "tmp"].includes(one)))
    walk(dir, name, found);
  return found;
}

function walk(dir: string, path: string, found: Tree): void {
  const full = Buffer.from(`${dir}/${path}`, "latin1");
  const stat = lstatSync(full, { throwIfNoEntry: false });
  if (!stat) return;
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isSymbolicLink()) found[path] = `link ${readlinkSync(full, "latin1")}`;
  else if (stat.isFile()) {
    const read = () => hash(readFileSync(full));
    const content = stat.size > MOST_HASHED ? `${stat.size}` : opened(full, stat.mode, 0o400, read);
    found[path] = `file ${mode} ${content}`;
  } else if (stat.isDirectory()) {
    found[`${path}/`] = `folder ${mode}`;
    opened(full, stat.mode, 0o500, () => {
      for (const name of readdirSync(full, { encoding: "buffer" })) {
        walk(dir, `${path}/${name.toString("latin1")}`, found);
      }
    });
  } else found[path] = `special ${stat.mode.toString(8)}`;
}

/** Reads what a command has closed to its owner, who is not root. */
function opened<T>(path: Buffer, mode: number, bits: number, read: () => T): T {
  if ((mode & bits) === bits || process.getuid?.() === 0) return read();
  chmodSync(path, (mode & 0o7777) | bits);
  try {
    return read();
  } finally {
    chmodSync(path, mode & 0o7777);
  }
}

function hash(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

/** What of `.git` means something: refs, HEAD, staged content, configuration, hooks. */
export function gitState(dir: string): Tree {
  const run = (...args: string[]) => {
    const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
    const words = ["-c", "safe.directory=*", "-c", "core.fsmonitor=false", ...args];
    try {
      return execFileSync("git", words, {
        cwd: join(dir, "repo"),
        env: { ...env, GIT_OPTIONAL_LOCKS: "0" },
        encoding: "latin1",
        stdio: ["ignore", "pipe", "ignore"],
      });
    } catch {
      return "none";
    }
  };
  return {
    refs: run("for-each-ref", "--format=%(refname) %(objectname)"),
    HEAD: run("symbolic-ref", "-q", "HEAD") + run("rev-parse", "-q", "--verify", "HEAD"),
    index: run("ls-files", "--stage", "-v"),
  };
}

/** Files in `.git` that say nothing of the repository's state. */
const UNSAID =
  /^repo\/\.git\/(objects|logs|index$|ORIG_HEAD|FETCH_HEAD|COMMIT_EDITMSG|AUTO_MERGE|gc\.|packed-refs|refs|info\/refs|HEAD$|.*\.lock$)/;

/** Written by tools, and dropped without a word. */
const HOME_CACHE = /^home\/\.(npm|cache)(\/|$)/;

/** Names whose entries differ. */
export function differing(before: Tree, after: Tree): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => before[name] !== after[name])
    .sort();
}

/** Whether the cases' scope allows a change at this path (relative to the fixture). */
export function isInScope(path: string): boolean {
  if (!path.startsWith("repo/")) return false;
  const name = path.slice("repo/".length).replace(/\/$/, "");
  // Names without a slash are forbidden at any depth.
  if (name === "src/lib/secret.ts" || /(^|\/)package\.json$/.test(name)) return false;
  if (
    /(^|\/)(\.git|\.env[^/]*|\.github|\.claude|\.gitignore|\.gitattributes|\.mcp\.json|CLAUDE\.md|opencode\.json[^/]*|opencode_tasks)(\/|$)/.test(
      name,
    )
  )
    return false;
  return name === "src/a.ts" || name.startsWith("src/lib/") || name === "src/lib";
}

export function isScratch(path: string): boolean {
  return SCRATCH.test(path);
}

/** Changes that a person would miss: out of scope, not scratch; of `.git` by meaning. */
export function isMissed(path: string): boolean {
  return (
    !isInScope(path) &&
    !isScratch(path) &&
    !UNSAID.test(path) &&
    !HOME_CACHE.test(path) &&
    path !== "repo/.git/"
  );
}
