import { lstatSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { below, textOf } from "../tree/bytes.ts";
import { sameBytes } from "./compare.ts";
import type { LayerChange } from "./layer.ts";
import { isBelow } from "./tools.ts";

/**
 * Where a new link leads.
 * @returns a path relative to the root, or why it cannot stay in any scope: what it says
 */
export function linkTarget(
  root: string,
  upper: string,
  path: string,
): { path: string } | { outside: string } {
  const said = textOf(readlinkSync(below(upper, path), { encoding: "buffer" }));
  const outside = { outside: said };
  // `..` behind a name goes up from wherever that name leads.
  if (/(^|\/)(?!\.\.?(\/|$))[^/]+\/+(.*\/)?\.\.(\/|$)/.test(said)) return outside;
  const absolute = posix.resolve(root, posix.dirname(path), said);
  if (absolute === root || !isBelow(absolute, root)) return outside;
  const inner = absolute.slice(root.length + 1);
  if (passesLink(upper, inner) || passesLink(root, inner)) return outside;
  return { path: inner };
}

/** Whether a folder on the way to the path is a link itself. */
function passesLink(root: string, path: string): boolean {
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const stats = lstatSync(below(root, path.slice(0, at)), { throwIfNoEntry: false });
    if (!stats?.isDirectory()) return stats?.isSymbolicLink() ?? false;
  }
  return false;
}

/** The new file of a layer that holds what the deleted file at `path` held, if there is one. */
export function movedTo(
  root: string,
  upper: string,
  path: string,
  created: readonly LayerChange[],
): LayerChange | undefined {
  const old = lstatSync(below(root, path), { throwIfNoEntry: false });
  if (!old?.isFile()) return undefined;
  return created.find(
    (one) =>
      one.op === "put" &&
      one.kind === "file" &&
      one.size === old.size &&
      sameBytes(below(upper, one.path), below(root, path)),
  );
}
