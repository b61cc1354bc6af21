import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { HandrailError } from "../../../shared/errors.ts";

/**
 * Reads a configuration file of the user's.
 * @returns its bytes, or undefined when there is none
 * @throws HandrailError `invalid-config` when it cannot be read
 */
export function readUserFile(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT" && !lstatSync(file, { throwIfNoEntry: false })) return undefined;
    throw new HandrailError("invalid-config", `cannot read ${file} (${codeOf(error) ?? "unknown error"})`, {
      cause: error,
    });
  }
}

/**
 * Refuses a file that its owner protects. Asked before anything is shown: root could write it all the same.
 * @throws HandrailError `not-writable`
 */
export function requireWritable(file: string): void {
  if (!existsSync(file) || (statSync(file).mode & 0o222) !== 0) return;
  throw new HandrailError("not-writable", `${file} is read-only; nothing was changed`, {
    fix: `chmod u+w '${file}'`,
  });
}

/**
 * Replaces a user's file as a whole: a reader sees the old bytes or the new ones. Owner and mode stay, and
 * a symbolic link (a folder of dotfiles) keeps leading where it did.
 * @returns the folders that had to be made, outermost first
 */
export function writeUserFile(file: string, bytes: Buffer): string[] {
  const made = makeFolders(dirname(file));
  const target = existsSync(file) ? realpathSync(file) : file;
  const before = existsSync(target) ? statSync(target) : undefined;
  const draft = `${target}.handrail-${randomBytes(4).toString("hex")}`;
  try {
    const fd = openSync(draft, "wx", before ? 0o600 : 0o666);
    try {
      writeFileSync(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (before) {
      chmodSync(draft, before.mode & 0o7777);
      if (before.uid !== process.getuid?.() || before.gid !== process.getgid?.())
        chownSync(draft, before.uid, before.gid);
    }
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new HandrailError("not-writable", `cannot write ${file} (${codeOf(error) ?? "unknown error"})`, {
      cause: error,
    });
  }
  return made;
}

/** Removes the folders that are empty, innermost first; one that is not stays, and so do those around it. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of [...folders].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      return; // somebody else's files are in it, or it has gone
    }
  }
}

/** The folders above a path that do not exist yet, outermost first. */
export function missingFolders(folder: string): string[] {
  const missing: string[] = [];
  for (let at = folder; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  return missing;
}

function makeFolders(folder: string): string[] {
  const missing = missingFolders(folder);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new HandrailError("not-writable", `cannot make ${folder} (${codeOf(error) ?? "unknown error"})`, {
      cause: error,
    });
  }
  return missing;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
