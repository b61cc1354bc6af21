import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface RepoOptions {
  /** Committed: path -> content. */
  files?: Record<string, string>;
  /** Committed symbolic links: path -> target. */
  links?: Record<string, string>;
  /** Written after the commit: edits of tracked files, and untracked ones. */
  dirty?: Record<string, string>;
  /** Lines of `.gitignore`, committed. */
  ignore?: string[];
  /** Written after the commit, where git ignores them. */
  ignored?: Record<string, string>;
}

export interface Repo {
  root: string;
  /** Runs git there. @returns its stdout, trimmed */
  git(...args: string[]): string;
  write(path: string, content: string, mode?: number): void;
  read(path: string): string;
  exists(path: string): boolean;
  manifest(): Manifest;
}

/** A small project: two sources, a test, a readme. */
export const SAMPLE: RepoOptions = {
  files: {
    "README.md": "# Sample\n",
    "package.json":
      '{"name":"sample","version":"1.0.0","type":"module","scripts":{"test":"node test/run.js"}}\n',
    "src/a.ts": "export const a = 1;\n",
    "src/b.ts": "export const b = 2;\n",
    "test/run.js": 'console.log("ok");\n',
  },
  ignore: ["node_modules/", "dist/", "*.log"],
};

/** Makes a git repository with one commit (branch `main`) in `root`, then dirties it as asked. */
export function makeRepo(root: string, options: RepoOptions = SAMPLE): Repo {
  mkdirSync(root, { recursive: true });
  const write = (path: string, content: string, mode?: number) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    if (mode !== undefined) chmodSync(join(root, path), mode);
  };
  const git = (...args: string[]) => runGit(root, args);
  git("init", "-q", "-b", "main");
  for (const [key, value] of [
    ["user.name", "Lab"],
    ["user.email", "lab@example.invalid"],
    ["commit.gpgsign", "false"],
    ["gc.auto", "0"],
  ] as const) {
    git("config", key, value);
  }
  for (const [path, content] of Object.entries(options.files ?? {})) write(path, content);
  if (options.ignore) write(".gitignore", `${options.ignore.join("\n")}\n`);
  for (const [path, target] of Object.entries(options.links ?? {})) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target, join(root, path));
  }
  git("add", "-A");
  git("commit", "-q", "--allow-empty", "-m", "one");
  for (const [path, content] of Object.entries({ ...options.dirty, ...options.ignored }))
    write(path, content);
  return {
    root,
    git,
    write,
    read: (path) => readFileSync(join(root, path), "utf8"),
    exists: (path) => existsSync(join(root, path)),
    manifest: () => manifest(root),
  };
}

/**
 * What a tree holds: path -> type, mode and hash or link target; and of `.git` what a person would miss:
 * `.git HEAD`, `.git ref <name>`, `.git index <path>`, `.git stash <n>`. Two manifests that are equal
 * stand for trees that are the same, byte for byte.
 */
export type Manifest = Record<string, string>;

export function manifest(root: string): Manifest {
  const found: Manifest = {};
  walk(root, "", found);
  if (!existsSync(join(root, ".git"))) return found;
  found[".git HEAD"] = runGit(root, ["rev-parse", "--symbolic-full-name", "HEAD"]);
  for (const line of lines(runGit(root, ["for-each-ref", "--format=%(refname) %(objectname)"]))) {
    const [name, id] = line.split(" ");
    found[`.git ref ${name}`] = id ?? "";
  }
  for (const line of lines(runGit(root, ["ls-files", "--stage"]))) {
    const [entry, path] = line.split("\t");
    found[`.git index ${path}`] = entry ?? "";
  }
  for (const [number, line] of lines(runGit(root, ["stash", "list", "--format=%H"])).entries()) {
    found[`.git stash ${number}`] = line;
  }
  return found;
}

/** Paths whose entries differ between two manifests, sorted. */
export function changed(before: Manifest, after: Manifest): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((path) => before[path] !== after[path])
    .sort();
}

function walk(root: string, below: string, found: Manifest): void {
  for (const name of readdirSync(join(root, below))) {
    if (name === ".git" && below === "") continue;
    const path = below ? `${below}/${name}` : name;
    const full = join(root, path);
    const stat = lstatSync(full);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) {
      found[`${path}/`] = `directory ${mode}`;
      walk(root, path, found);
    } else if (stat.isSymbolicLink()) found[path] = `link ${readlinkSync(full)}`;
    else if (stat.isFile()) found[path] = `file ${mode} ${hash(readFileSync(full))}`;
    else found[path] = `other ${stat.mode.toString(8)}`;
  }
}

function hash(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function lines(output: string): string[] {
  return output ? output.split("\n") : [];
}

function runGit(root: string, args: string[]): string {
  return execFileSync("git", args, {
    cwd: root,
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      HOME: root,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_OPTIONAL_LOCKS: "0",
    },
    maxBuffer: 64 * 1024 * 1024,
  }).trim();
}
