import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TaskSpec } from "./spec.ts";
export function loadTask(file: string, root: string): TaskSpec {
  const text = readFileSync(join(root, file), "utf8");
  const m = /Files to modify:\n((?:- .*\n)*)/.exec(text);
  const allow = (m?.[1] ?? "")
    .split("\n")
    .filter(Boolean)
    .map((l) => l.slice(2));
  const forbid = [...text.matchAll(/- touch (.*)\n/g)].map((x) => x[1] ?? "");
  const errors = allow.length ? [] : [{ message: "no scope" }];
  return {
    ok: !errors.length,
    source: "task-file",
    slug: /\d{8}-(.*)\.txt$/.exec(file)?.[1] ?? "x",
    title: "t",
    scope: { allow, inspect: [], forbid, rules: ["no-commit", "no-stage"], noRead: [] },
    prohibitions: [],
    validation: [],
    errors,
    warnings: [],
  };
}
