import { createMatcher } from "../../../shared/scope/matcher.ts";
import { parseTask } from "../../../shared/task/parse.ts";
import type { TaskSpec } from "../../../shared/task/spec.ts";

/** Says what lies at a path, from the files that exist. */
export function kindsOf(files: readonly string[]) {
  return (path: string) => {
    if (files.includes(path)) return "file" as const;
    return files.some((file) => file.startsWith(`${path}/`)) ? ("directory" as const) : undefined;
  };
}

export function parse(text: string, files: readonly string[] = [], name = "20261121-x.txt"): TaskSpec {
  return parseTask(text, { fileName: `opencode_tasks/${name}`, root: "/repo", kindOf: kindsOf(files) });
}

/** What the matcher says to a write: "allow", or the code of the refusal. */
export function verdict(spec: TaskSpec, path: string, files: readonly string[] = []): string {
  const kindOf = kindsOf(files);
  const answer = createMatcher(spec.scope, { kindOf }).classify(path, kindOf(path) ? "modify" : "create");
  return answer.decision === "allow" ? "allow" : answer.code;
}

/** The prohibitions in short: `path src/x.ts`, `rule no-commit`, `advisory`. */
export function enforced(spec: TaskSpec): string[] {
  return spec.prohibitions.map((one) =>
    [one.enforcement, one.rule, ...(one.paths ?? [])].filter((part) => part !== undefined).join(" "),
  );
}
