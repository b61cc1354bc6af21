import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** `"text"` is a file, `{link}` a symbolic link, `{hard}` a hard link to an earlier entry, `{}` a folder. */
export type Entry = string | { link: string } | { hard: string } | Record<string, never>;

/**
 * Makes a folder with `repo` and `outside` beside each other; removed when the test ends. It lies deep, so
 * that a random `../..` stays inside what is removed.
 */
export function makeTree(entries: Record<string, Entry>): { base: string; root: string; outside: string } {
  const top = realpathSync(mkdtempSync(join(tmpdir(), "handrail-scope-")));
  onTestFinished(() => rmSync(top, { recursive: true, force: true }));
  const base = join(top, "1/2/3/4/5/6/7/8");
  const root = join(base, "repo");
  const outside = join(base, "outside");
  mkdirSync(join(root, ".git"), { recursive: true });
  mkdirSync(outside);
  for (const [name, entry] of Object.entries(entries)) plantOne(join(root, name), entry, root);
  return { base, root, outside };
}

/** Makes one entry, and the folders on the way. */
export function plantOne(path: string, entry: Entry, root = ""): void {
  mkdirSync(dirname(path), { recursive: true });
  if (typeof entry === "string") writeFileSync(path, entry);
  else if ("link" in entry && entry.link) symlinkSync(entry.link, path);
  else if ("hard" in entry && entry.hard) linkSync(join(root, entry.hard), path);
  else mkdirSync(path, { recursive: true });
}
