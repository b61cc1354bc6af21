import { join } from "node:path";
import * as z from "zod/mini";
import { readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import type { FilterSetting } from "./settings.ts";

const trustSchema = z.object({ schema: z.literal(1), filters: z.array(z.string()) });

/**
 * Which filters must not be run: those that the repository's own configuration defines otherwise than it did
 * when Handrail first captured a baseline here. An executor may have written them since. What the user's or
 * the system's configuration defines is trusted.
 * @returns names, as in `filter.<name>.clean`
 */
export function untrustedFilters(root: string, settings: readonly FilterSetting[]): string[] {
  const local = settings.filter((setting) => setting.local);
  const told = local.map(({ key, value }) => `${key}=${value}`);
  const file = join(projectDir(root), "filters.json");
  const known = readJson(file, trustSchema);
  if (!known) {
    writeJson(file, { schema: 1, filters: told });
    return [];
  }
  const trusted = new Set(known.filters);
  const fresh = local.filter((_setting, at) => !trusted.has(told[at] ?? ""));
  return [...new Set(fresh.map(({ key }) => key.slice("filter.".length, key.lastIndexOf("."))))];
}
