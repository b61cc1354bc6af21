import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished, vi } from "vitest";

/** A temporary folder with a home and a state folder of its own; gone when the test ends. */
export interface Place {
  dir: string;
  home: string;
  state: string;
  /** Makes a repository with one commit of `files` in `<dir>/<name>`. */
  repo(files?: Record<string, string>, name?: string, init?: string[]): TestRepo;
}

export interface TestRepo {
  root: string;
  git(...args: string[]): string;
  write(path: string, content: string | Buffer, mode?: number): void;
  read(path: string): string;
}

/** To be called inside a test. HOME and HANDRAIL_STATE_DIR point into the folder until it ends. */
export function place(): Place {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "handrail-tree-")));
  const home = join(dir, "home");
  const state = join(dir, "state");
  mkdirSync(home);
  writeFileSync(
    join(home, ".gitconfig"),
    "[user]\n\tname = T\n\temail = t@example.invalid\n[gc]\n\tauto = 0\n",
  );
  vi.stubEnv("HOME", home);
  vi.stubEnv("XDG_CONFIG_HOME", join(home, ".config"));
  vi.stubEnv("GIT_CONFIG_NOSYSTEM", "1");
  vi.stubEnv("HANDRAIL_STATE_DIR", state);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);
  return {
    dir,
    home,
    state,
    repo(files = { "a.txt": "one\n" }, name = "repo", init = []) {
      const root = join(dir, name);
      mkdirSync(root, { recursive: true });
      const repo = at(root);
      repo.git("init", "-q", "-b", "main", ...init);
      for (const [path, content] of Object.entries(files)) repo.write(path, content);
      repo.git("add", "-A");
      repo.git("commit", "-q", "--allow-empty", "-m", "one");
      return repo;
    },
  };
}

/** Plain git and files in an existing folder, as the user has them. */
export function at(root: string): TestRepo {
  return {
    root,
    git: (...args) =>
      execFileSync("git", args, {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        maxBuffer: 1 << 28,
        timeout: 30_000,
      }).replace(/\n$/, ""),
    write(path, content, mode) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
      if (mode !== undefined) chmodSync(join(root, path), mode);
    },
    read: (path) => readFileSync(join(root, path), "utf8"),
  };
}

/** Every file below a folder with type, mode, mtime and bytes; objects (git freshens them) and Handrail's own refs left out. */
export function everything(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (below: string) => {
    for (const name of readdirSync(join(root, below))) {
      const path = below ? `${below}/${name}` : name;
      if (/(^|\/)\.git\/(.*\/)?(objects|refs\/handrail)(\/|$)|^opencode_tasks(\/|$)/.test(path)) continue;
      const stat = lstatSync(join(root, path), { bigint: true });
      const kind = `${stat.mode.toString(8)} ${stat.isDirectory() ? "" : stat.mtimeNs}`;
      if (stat.isDirectory()) walk(path);
      if (stat.isSymbolicLink()) found[path] = `${kind} ${readlinkSync(join(root, path))}`;
      else if (stat.isFile()) found[path] = `${kind} ${readFileSync(join(root, path)).toString("base64")}`;
      else found[path] = kind;
    }
  };
  walk("");
  return found;
}
