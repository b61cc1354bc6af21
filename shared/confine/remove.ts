import { chmodSync, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { below, bytesOf, textOf } from "../tree/bytes.ts";

/** Longer paths are taken apart first, in bytes: the kernel takes none of 4,096 (PATH_MAX), and commands make such. */
const LONGEST = 3_500;

/**
 * Removes a folder with everything in it, also what its owner may not enter: overlayfs makes such a folder
 * for itself, and commands do. Does nothing where there is none.
 */
export function removeTree(folder: string): void {
  if (!lstatSync(bytesOf(folder), { throwIfNoEntry: false })) return;
  // More than once: what lies too deep for a path is brought up here meanwhile.
  do clear(folder, folder);
  while (readdirSync(bytesOf(folder)).length > 0);
  rmdirSync(bytesOf(folder));
}

/** Empties a folder below `top`. */
function clear(folder: string, top: string): void {
  open(folder);
  // Without file types: Bun has none for names that are bytes.
  for (const name of readdirSync(bytesOf(folder), { encoding: "buffer" }).map(textOf)) {
    const path = below(folder, name);
    if (!lstatSync(path).isDirectory()) {
      unlinkSync(path);
      continue;
    }
    const inner = `${folder}/${name}`;
    if (Buffer.byteLength(path) > LONGEST) {
      open(inner);
      renameSync(path, bytesOf(`${top}/.deep-${process.pid}-${brought++}`));
    } else {
      clear(inner, top);
      rmdirSync(path);
    }
  }
}
let brought = 0;

function open(folder: string): void {
  const path = bytesOf(folder);
  if ((lstatSync(path).mode & 0o700) !== 0o700) chmodSync(path, 0o700);
}
