import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { removeTree } from "../../../shared/confine/remove.ts";
import { parseJson } from "../../../shared/state/files.ts";
import { stateDir } from "../../../shared/state/place.ts";
import { changedAt, entriesOf, type Found, sizeOf } from "./item.ts";

const recordSchema = z.object({ root: z.string() });

/**
 * State of working trees that are gone: a linked one that was removed, a clone that was deleted. Only where
 * a run's record says which one it was, and nothing in it is young or open.
 */
export function goneProjects(before: number, env: NodeJS.ProcessEnv = process.env): Found {
  const parent = join(stateDir(env), "projects");
  const found: Found = { items: [], kept: [] };
  for (const name of entriesOf(parent)) {
    const dir = join(parent, name);
    const root = rootOf(dir);
    if (root === undefined || existsSync(root) || newest(dir) >= before) continue;
    if (entriesOf(join(dir, "open")).length > 0) {
      found.kept.push({ kind: "project", name, why: `${root} is gone, and a run in it has not ended` });
    } else found.items.push({ kind: "project", name, bytes: sizeOf(dir), remove: () => removeTree(dir) });
  }
  return found;
}

function rootOf(dir: string): string | undefined {
  for (const run of entriesOf(join(dir, "runs"))) {
    const file = join(dir, "runs", run, "run.json");
    if (!existsSync(file)) continue;
    const parsed = parseJson(readFileSync(file, "utf8"), recordSchema);
    if (parsed.ok) return parsed.value.root;
  }
  return undefined;
}

function newest(dir: string): number {
  const runs = entriesOf(join(dir, "runs")).map((run) => changedAt(join(dir, "runs", run, "run.json")));
  return Math.max(changedAt(dir), ...runs);
}
