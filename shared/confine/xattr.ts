import { spawnSync } from "node:child_process";
import { HandrailError } from "../errors.ts";
import { bytesOf } from "../tree/bytes.ts";

// Node has no call for extended attributes. GNU tar writes them into its headers: no other program that is
// on every machine reads them. Source: POSIX pax format, and tar's `SCHILY.xattr.` keywords.

const BLOCK = 512;
const OVERLAY = "SCHILY.xattr.user.overlay.";
/** What is needed of an archive that may hold a large file: its first header. */
const FIRST_HEADERS = 64 * 1024;

/**
 * The overlay's own attributes of folders.
 * @param tar absolute path of GNU tar
 * @param folder absolute
 * @param paths folders relative to `folder`
 * @returns for each path the names of its `user.overlay.*` attributes, with their values as bytes
 * @throws HandrailError `confinement-failed` when tar does not answer for every path
 */
export function overlayAttributes(
  tar: string,
  folder: string,
  paths: readonly string[],
): Map<string, string>[] {
  if (paths.length === 0) return [];
  const input = Buffer.concat(paths.flatMap((path) => [bytesOf(`./${path}`), Buffer.from([0])]));
  const done = run(tar, folder, ["--null", "--verbatim-files-from", "--files-from=-"], input, 1 << 30);
  const found = done.status === 0 ? readHeaders(done.stdout) : [];
  if (found.length === paths.length) return found;
  throw new HandrailError("confinement-failed", `tar cannot read the layer: ${done.stderr.toString("utf8")}`);
}

/** Whether a file of the layer was copied up from the file below it, rather than made anew. */
export function wasCopiedUp(tar: string, folder: string, path: string): boolean {
  const done = run(
    tar,
    folder,
    ["--", Buffer.from(bytesOf(`./${path}`)).toString("latin1")],
    undefined,
    FIRST_HEADERS,
  );
  return readHeaders(done.stdout)[0]?.has("origin") ?? false;
}

/**
 * Makes folders of an upper layer opaque: nothing that lies below the layer is seen through them.
 * @param paths folders relative to `folder`
 * @throws HandrailError `confinement-failed` when tar cannot set the attribute
 */
export function markOpaque(tar: string, folder: string, paths: readonly string[]): void {
  const attribute = ["--pax-option=SCHILY.xattr.user.overlay.opaque:=y"];
  const made = run(
    tar,
    folder,
    [...attribute, "--", ...paths.map((path) => `./${path}`)],
    undefined,
    1 << 26,
  );
  const options = ["--xattrs", "--xattrs-include=user.overlay.*", "--preserve-permissions"];
  const set = spawnSync(tar, ["--extract", "--file=-", ...options, "-C", folder], { input: made.stdout });
  if (made.status === 0 && set.status === 0) return;
  throw new HandrailError("confinement-failed", `tar cannot mark a folder: ${set.stderr.toString("utf8")}`);
}

function run(tar: string, folder: string, more: string[], input: Buffer | undefined, maxBuffer: number) {
  const args = ["--create", "--file=-", "--format=pax", "--no-recursion", "--xattrs"];
  return spawnSync(tar, [...args, "--xattrs-include=user.overlay.*", "-C", folder, ...more], {
    input,
    maxBuffer,
    env: { LC_ALL: "C" },
  });
}

/** One entry for each member, in the archive's order. */
function readHeaders(archive: Buffer): Map<string, string>[] {
  const found: Map<string, string>[] = [];
  let next = new Map<string, string>();
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const size = sizeAt(archive, at + 124);
    const type = archive.toString("latin1", at + 156, at + 157);
    const body = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (type === "x") next = readKeywords(body);
    else if (type !== "g") {
      found.push(next);
      next = new Map();
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return found;
}

/** Octal, or base-256 with its top bit set for what is too large. */
function sizeAt(archive: Buffer, at: number): number {
  if (((archive[at] ?? 0) & 0x80) !== 0) return archive.readUIntBE(at + 6, 6);
  return Number.parseInt(archive.toString("latin1", at, at + 11), 8) || 0;
}

/** `LENGTH KEYWORD=VALUE\n`, the length counting all of it. */
function readKeywords(body: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = Number.parseInt(body.toString("latin1", at, space), 10);
    if (!(length > 0)) break;
    const record = body.toString("latin1", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    if (record.startsWith(OVERLAY)) found.set(record.slice(OVERLAY.length, equals), record.slice(equals + 1));
    at += length;
  }
  return found;
}
