import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { HandrailError } from "../errors.ts";

/** Where distributions keep util-linux and coreutils; sbin is often not in a user's PATH. */
const SYSTEM = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/**
 * Finds a program that the working tree cannot replace.
 * @param name file name of the program
 * @param root real path of the working tree: what lies below it does not count
 * @returns its absolute path, or undefined
 */
export function findTool(name: string, root: string, path = process.env.PATH ?? ""): string | undefined {
  for (const folder of [...SYSTEM, ...path.split(delimiter).filter(isAbsolute)]) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (!statSync(file).isFile() || isBelow(realpathSync(file), root) || isBelow(file, root)) continue;
      return file;
    } catch {
      // not there, or not ours to run: the next folder may have it
    }
  }
  return undefined;
}

/** @throws HandrailError `confinement-failed` naming the program */
export function needTool(name: string, root: string): string {
  const tool = findTool(name, root);
  if (tool !== undefined) return tool;
  throw new HandrailError("confinement-failed", `${name} was not found`, {
    fix: `install ${PACKAGES[name] ?? name}`,
  });
}

const PACKAGES: Record<string, string> = {
  unshare: "util-linux",
  mount: "util-linux",
  setpriv: "util-linux",
  flock: "util-linux",
  env: "coreutils",
  cp: "coreutils",
  find: "findutils",
  tar: "GNU tar",
};

/** Whether `path` is `folder` or lies below it; both absolute and resolved. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
