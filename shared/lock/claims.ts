import * as z from "zod/mini";
import { compileNarrow } from "../scope/pattern.ts";
import { frozenSchema } from "../scope/surroundings.ts";
import { scopeSchema, type TaskSpec } from "../task/spec.ts";
import { GroupFinder, type SharedGroups } from "./groups.ts";

/** What a task lays claim to while it is worked on: its files, its modules and the shared groups it touches. */
export const claimsSchema = z.object({
  scope: scopeSchema,
  /** What the names in the scope were when the run was made. */
  around: frozenSchema,
  /** A task file names no modules: its paths and groups decide. */
  modules: z.optional(z.array(z.string())),
  groups: z.array(z.string()),
  /** Whether the task lets others run beside it, where they are proven disjoint. */
  parallel: z.boolean(),
});
export type Claims = z.infer<typeof claimsSchema>;

/**
 * The claims of a task. A packet's are its `scope_claim` (`scope.file_paths`, `module_boundaries`) and
 * `required_locks`; it runs beside others only if `parallel_allowed` says so.
 */
export function claimsOf(spec: TaskSpec, around: Claims["around"], groups: SharedGroups): Claims {
  const finder = new GroupFinder(groups, around.caseInsensitive);
  const kindOf = (path: string) => around.kinds[path];
  const patterns = spec.scope.allow.flatMap((text) =>
    compileNarrow(text, { kindOf, caseInsensitive: around.caseInsensitive }),
  );
  const { packet } = spec;
  const locks = requiredLocks(packet?.conflict_policy?.required_locks ?? []);
  const touched = patterns.flatMap((one) => finder.ofArea(one.area));
  return {
    scope: spec.scope,
    around,
    groups: [...new Set([...touched, ...locks.shared])],
    parallel: packet === undefined || packet.conflict_policy?.parallel_allowed === true,
    ...(packet && { modules: [...new Set([...(packet.scope.module_boundaries ?? []), ...locks.module])] }),
  };
}

const LOCK = /^(file|module|shared):(.*\S.*)$/s;

/** `file:src/a.ts`, `module:billing`, `shared:package manifests`, by kind. */
export function requiredLocks(locks: readonly string[]): Record<"file" | "module" | "shared", string[]> {
  const found: Record<"file" | "module" | "shared", string[]> = { file: [], module: [], shared: [] };
  for (const lock of locks) {
    const [, kind, name] = LOCK.exec(lock) ?? [];
    if (name !== undefined) found[kind as keyof typeof found].push(name.trim());
  }
  return found;
}
