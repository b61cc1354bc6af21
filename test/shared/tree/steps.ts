import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { lstatOf } from "../../../shared/tree/objects.ts";
import type { TestRepo } from "./fixture.ts";

/** What the repositories of the property tests start with. */
export const START = { a: "1\n", "d/a": "1\n", "d/e/c": "2\n", ".gitignore": "*.log\n.env\n" };

const PATHS = [
  "a",
  "b",
  "d/a",
  "d/b",
  "d/e/c",
  "d/e",
  "d",
  ".env",
  "x.log",
  "n/m/o",
  ".gitignore",
  "d/.gitignore",
];
const CONTENT = ["", "1\n", "2\n", "one\r\ntwo\r\n", "*\n", "*.log\nn/\n", "!a\n"];

const path = fc.constantFrom(...PATHS);
/** Something a user or an executor does. */
export const step = fc.oneof(
  fc.record({ op: fc.constant("write" as const), path, content: fc.constantFrom(...CONTENT) }),
  fc.record({
    op: fc.constantFrom("remove" as const, "chmod" as const, "touch" as const, "add" as const),
    path,
  }),
  fc.record({ op: fc.constantFrom("link" as const, "rename" as const), path, to: path }),
  fc.record({ op: fc.constantFrom("assume" as const, "skip" as const, "attributes" as const), path }),
  fc.record({ op: fc.constantFrom("commit" as const, "checkout" as const, "status" as const), path }),
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Does one step; one that the tree does not allow right now does nothing. */
export function act(repo: TestRepo, one: Step): void {
  const full = join(repo.root, one.path);
  const there = lstatOf(repo.root, one.path);
  const clear = (target: string) => {
    for (let folder = dirname(target); folder !== repo.root; folder = dirname(folder)) {
      if (lstatOf(folder, "")?.isDirectory() === false) rmSync(folder);
    }
    rmSync(target, { recursive: true, force: true });
    mkdirSync(dirname(target), { recursive: true });
  };
  const git = (...args: string[]) => {
    try {
      repo.git(...args);
    } catch {
      // Not possible in this state, which is fine: git changed nothing then.
    }
  };
  const acts: Record<Step["op"], () => void> = {
    write() {
      if (!there?.isFile()) clear(full);
      writeFileSync(full, "content" in one ? one.content : "");
    },
    remove: () => there && rmSync(full, { recursive: true }),
    chmod: () => there?.isFile() && chmodSync(full, there.mode ^ 0o111),
    touch: () => there?.isFile() && utimesSync(full, 1000, 1000),
    link() {
      clear(full);
      symlinkSync("to" in one ? one.to : "", full);
    },
    rename() {
      const to = "to" in one ? one.to : "";
      if (!there || to.startsWith(one.path) || one.path.startsWith(to)) return;
      clear(join(repo.root, to));
      if (lstatOf(repo.root, one.path)) renameSync(full, join(repo.root, to));
    },
    assume: () => git("update-index", "--assume-unchanged", one.path),
    skip: () => git("update-index", "--skip-worktree", one.path),
    attributes: () => repo.write(".git/info/attributes", "* text=auto eol=crlf\n"),
    add: () => git("add", "-f", one.path),
    commit: () => git("commit", "-q", "--allow-empty", "-m", "x"),
    checkout: () => git("checkout", "-q", "--", one.path),
    status: () => git("status"),
  };
  acts[one.op]();
}

/** Every file with what git would call its state: kind, executable or not, bytes. */
export function manifest(root: string, below = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
    const name = below ? `${below}/${entry.name}` : entry.name;
    if (name === ".git") continue;
    if (entry.isDirectory()) for (const [path, state] of manifest(root, name)) found.set(path, state);
    else if (entry.isSymbolicLink()) found.set(name, `link ${readlinkSync(join(root, name))}`);
    else {
      const mode = lstatSync(join(root, name)).mode & 0o100 ? "x" : "-";
      found.set(name, `${mode} ${readFileSync(join(root, name), "latin1")}`);
    }
  }
  return found;
}
