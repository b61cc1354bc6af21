import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { privateDir } from "../state/files.ts";
import { workPlacesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { removeTree } from "./remove.ts";
import { isBelow } from "./tools.ts";

type Trees = Pick<Policy, "work" | "root" | "commonDir">;

/** Takes the layer of the command that has ended, and makes a fresh one. */
export function cutLayer(policy: Trees): void {
  const work = workPlacesIn(policy.work);
  privateDir(work.cut);
  if (existsSync(work.layer) && !existsSync(work.busy)) {
    // Its maker was killed before it was whole: no command has run in it.
    removeTree(work.layer);
  } else if (existsSync(work.layer)) {
    const stamp = new Date().toISOString().replace(/[-:.]/g, "").slice(0, 18);
    renameSync(work.layer, join(work.cut, `${stamp}-${process.pid}`));
  }
  freshLayer(policy);
}

/** Layers that have been cut and not applied, oldest first: absolute paths. */
export function cutLayers(policy: Trees): string[] {
  const { cut } = workPlacesIn(policy.work);
  return existsSync(cut)
    ? readdirSync(cut)
        .sort()
        .map((name) => join(cut, name))
    : [];
}

/**
 * Removes a layer that has been applied. Renamed first: a layer of which half is removed would be read as a
 * command that deleted the rest.
 */
export function dropLayer(policy: Pick<Policy, "work">, taken: string): void {
  const { gone } = workPlacesIn(policy.work);
  privateDir(gone);
  renameSync(taken, join(gone, basename(taken)));
  removeTree(gone);
}

/** Makes what the next command writes into: there as a whole, or not at all. */
export function freshLayer(policy: Trees): void {
  const work = workPlacesIn(policy.work);
  const draft = `${work.layer}.tmp`;
  removeTree(draft);
  privateDir(draft);
  const inDraft = (path: string) => join(draft, path.slice(work.layer.length));
  makePart(inDraft(work.top), policy.root);
  if (!isBelow(policy.commonDir, policy.root)) makePart(inDraft(work.git), policy.commonDir);
  writeFileSync(inDraft(work.busy), "", { mode: 0o600 });
  renameSync(draft, work.layer);
}

/** An overlay's two folders. The upper one stands for the folder it is mounted on: same mode, same owner. */
export function makePart(part: string, target: string): void {
  privateDir(part);
  const upper = join(part, "upper");
  mkdirSync(upper, { recursive: true });
  const { mode, uid, gid } = statSync(target);
  const now = statSync(upper);
  if (process.getuid?.() === 0 && (now.uid !== uid || now.gid !== gid)) chownSync(upper, uid, gid);
  chmodSync(upper, mode & 0o7777);
  mkdirSync(join(part, "work"), { recursive: true });
}

/**
 * The mode of the root itself, which the shell cannot see: a command that changed nothing else has left an
 * empty layer. Puts the layer's right again.
 * @returns whether the command had changed it
 */
export function rootWasChanged(policy: Trees): boolean {
  const upper = join(workPlacesIn(policy.work).top, "upper");
  const wanted = statSync(policy.root).mode & 0o7777;
  const now = statSync(upper, { throwIfNoEntry: false });
  // Without a layer its applying was cut off: whoever finishes it tells.
  if (!now || (now.mode & 0o7777) === wanted) return false;
  chmodSync(upper, wanted);
  return true;
}

/**
 * Opens the folders that overlayfs has closed to their owner (`work/work`), so that anybody may remove them.
 * The next mount makes them anew.
 */
export function openWorkFolders(policy: Pick<Policy, "work">): void {
  const { layer, keep, rounds } = workPlacesIn(policy.work);
  const inside = (parent: string) =>
    existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];
  const folders = [
    ...[layer, keep].flatMap(inside).map((part) => join(part, "work", "work")),
    ...inside(rounds)
      .flatMap(inside)
      .map((part) => join(part, "work")),
  ];
  for (const folder of folders) if (existsSync(folder)) chmodSync(folder, 0o700);
}
