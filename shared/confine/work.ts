import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Parents of the folders for upper layers, best first: undefined stands for the run's own folder. An upper
 * layer cannot lie on an overlay (a container's root), so others are tried, each on a file system of its own.
 */
export function* workFolders(): Generator<string | undefined> {
  yield undefined;
  const uid = process.getuid?.() ?? 0;
  const name = `handrail-${uid}`;
  const parents = [process.env.XDG_RUNTIME_DIR, "/var/tmp", "/tmp", "/dev/shm"];
  for (const parent of parents) {
    if (parent?.startsWith("/") && isOurs(join(parent, name), uid)) yield join(parent, name);
  }
}

/** In a folder that everybody may write, somebody else may have been there first. */
function isOurs(folder: string, uid: number): boolean {
  try {
    mkdirSync(folder, { mode: 0o700, recursive: false });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "EEXIST") return false;
  }
  const stats = lstatSync(folder);
  return stats.isDirectory() && stats.uid === uid && (stats.mode & 0o077) === 0;
}
