import type { Scope } from "../../../shared/task/spec.ts";

export function scopeOf(parts: Partial<Scope>): Scope {
  return { allow: [], inspect: [], forbid: [], rules: [], noRead: [], ...parts };
}
