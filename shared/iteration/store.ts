import { createHash } from "node:crypto";
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { type Iteration, isOver, iterationSchema } from "./state.ts";

/** `plans/<feature>-<hash of plan and feature>.json` of a project. */
function fileOf(root: string, plan: string, feature: string): string {
  const hash = createHash("sha256").update(`${plan}\0${feature}`).digest("hex").slice(0, 12);
  return join(projectDir(root), "plans", `${feature.slice(0, 40)}-${hash}.json`);
}

/**
 * @param root real path of the working tree's top level
 * @returns where a feature stands; undefined when it was never started
 * @throws HandrailError `state-unreadable`
 */
export function readIteration(root: string, plan: string, feature: string): Iteration | undefined {
  return readJson(fileOf(root, plan, feature), iterationSchema);
}

/** @throws HandrailError `not-found` for a feature that was never started */
export function requireIteration(root: string, plan: string, feature: string): Iteration {
  const state = readIteration(root, plan, feature);
  if (state) return state;
  throw new HandrailError("not-found", `${plan}: no iteration of ${feature} has been started`, {
    fix: `handrail plan start ${plan} ${feature}`,
  });
}

export function saveIteration(root: string, state: Iteration): void {
  writeJson(fileOf(root, state.plan, state.feature), state);
}

/**
 * Begins an iteration. One that is over is kept beside the new one.
 * @throws HandrailError `busy` while an earlier one is not over
 */
export function beginIteration(root: string, state: Iteration): void {
  const earlier = readIteration(root, state.plan, state.feature);
  if (earlier && !isOver(earlier)) {
    throw new HandrailError(
      "busy",
      `${state.feature} has been started already and is in the phase ${earlier.phase}`,
      {
        fix: `handrail plan state ${state.plan} ${state.feature} says how to go on; handrail plan record ${state.plan} ${state.feature} abandoned ends it`,
      },
    );
  }
  const file = fileOf(root, state.plan, state.feature);
  if (earlier) renameSync(file, file.replace(/json$/, `${earlier.created.replace(/\W/g, "")}.json`));
  saveIteration(root, state);
}

/** All iterations of a project that are not over, so that a new session finds them. */
export function openIterations(root: string): Iteration[] {
  const folder = join(projectDir(root), "plans");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /-[0-9a-f]{12}\.json$/.test(name))
    .sort()
    .flatMap((name) => readJson(join(folder, name), iterationSchema) ?? [])
    .filter((state) => !isOver(state));
}
