import { join } from "node:path";
import { actionOf, NOTHING_DECLARED } from "../../../shared/scope/actions.ts";
import { decide } from "../../../shared/scope/decide.ts";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { surroundingsOf } from "../../../shared/scope/surroundings.ts";
import { judgeShell } from "../../../shared/shell/judge.ts";
import { type Bench, type Row, timesOf } from "./measure.ts";
import { makeTree } from "./tree.ts";

const STRUCTURED: [string, Record<string, unknown>][] = [
  ["write", { filePath: "src/a.js", content: "x" }],
  ["edit", { filePath: "d1/e1/f1.txt", oldString: "a", newString: "b" }],
  ["apply_patch", { patchText: "*** Begin Patch\n*** Add File: src/new.js\n+x\n*** End Patch" }],
  ["read", { filePath: "src/a.js" }],
];
const SHELL: [string, Record<string, unknown>][] = [
  ["bash", { command: "npm test -- --run src/a.test.js 2>&1 | tail -n 20" }],
  ["bash", { command: "cd src && sed -i 's/1/2/' a.js && git diff --stat" }],
  ["bash", { command: 'for f in src/*.js; do node --check "$f" || echo bad > /tmp/x; done' }],
  ["bash", { command: "echo hacked > d1/e1/f1.txt" }],
];

/** One decision of the guard, in process: from a tool's arguments to allow, confine or refuse. */
export function guardRows({ dir, quick, say }: Bench): Row[] {
  say("decisions of the guard");
  const root = makeTree(join(dir, "guard"), 200);
  const scope = {
    allow: ["src/**", "docs/*.md"],
    inspect: ["d2/"],
    forbid: ["src/secret.js"],
    rules: [],
    noRead: [],
  };
  const context = {
    root,
    directory: root,
    matcher: createMatcher(scope, surroundingsOf(root)),
    confinement: "overlay" as const,
    scratch: ["node_modules/"],
    judgeShell,
  };
  const measure = (calls: typeof STRUCTURED) => {
    const taken: number[] = [];
    for (let round = 0; round < (quick ? 1_000 : 10_000); round++) {
      const [tool, args] = calls[round % calls.length] ?? ["", {}];
      const start = performance.now();
      decide(actionOf(tool, args, NOTHING_DECLARED), context);
      taken.push(performance.now() - start);
    }
    return timesOf(taken.slice(taken.length / 10));
  };
  const nothing = timesOf(
    Array.from({ length: 1_000 }, () => {
      const start = performance.now();
      return performance.now() - start;
    }),
  );
  const row = (what: string, calls: typeof STRUCTURED, ms: number): Row => {
    return { what, beside: "nothing", own: measure(calls), base: nothing, target: { ms } };
  };
  return [
    row("decision on a structured tool", STRUCTURED, 0.05),
    row("decision on a shell command", SHELL, 0.3),
  ];
}
