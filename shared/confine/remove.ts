import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { below, bytesOf, textOf } from "../tree/bytes.ts";

/**
 * Removes a folder with everything in it, also what its owner may not enter: overlayfs makes such a folder
 * for itself, and commands do. Does nothing where there is none.
 */
export function removeTree(folder: string): void {
  const stats = lstatSync(bytesOf(folder), { throwIfNoEntry: false });
  if (stats === undefined) return;
  if ((stats.mode & 0o700) !== 0o700) chmodSync(bytesOf(folder), 0o700);
  // Without file types: Bun has none for names that are bytes.
  for (const name of readdirSync(bytesOf(folder), { encoding: "buffer" }).map(textOf)) {
    if (lstatSync(below(folder, name)).isDirectory()) removeTree(`${folder}/${name}`);
    else unlinkSync(below(folder, name));
  }
  rmdirSync(bytesOf(folder));
}
