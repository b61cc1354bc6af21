import { cruise } from "dependency-cruiser";
import { expect, test } from "vitest";

/** Direction of imports (docs/architecture.md): hosts -> shared, never back, never sideways, no cycle. */
const rules = [
  { name: "no-cycle", from: {}, to: { circular: true } },
  {
    name: "shared-knows-no-host",
    from: { path: "^shared/" },
    to: { path: "^(opencode-plugin|claude-hooks|test)/|node_modules/(@opencode-ai/plugin|@anthropic-ai)/" },
  },
  {
    name: "only-serve-speaks-to-opencode",
    from: { path: "^shared/(?!serve/)" },
    to: { path: "node_modules/@opencode-ai/sdk/" },
  },
  { name: "hosts-do-not-meet", from: { path: "^opencode-plugin/" }, to: { path: "^(claude-hooks|test)/" } },
  { name: "hosts-do-not-meet-2", from: { path: "^claude-hooks/" }, to: { path: "^(opencode-plugin|test)/" } },
  {
    name: "task-and-scope-are-pure",
    from: { path: "^shared/(task|scope)/" },
    to: {
      path: "^shared/(tree|run|callback|serve|lock|confine|state)/|node_modules/(simple-git|undici)/|^(node:)?(child_process|http|https|net)$",
    },
  },
] as const;

test("imports point the right way and form no cycle", async () => {
  const result = await cruise(["opencode-plugin", "claude-hooks", "shared"], {
    exclude: { path: "/dist/" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    validate: true,
    ruleSet: { forbidden: rules.map((rule) => ({ severity: "error", ...rule })) },
    enhancedResolveOptions: { extensions: [".ts", ".js"] },
  } as Parameters<typeof cruise>[1]);
  const output = result.output;
  if (typeof output === "string") throw new Error(output);
  expect(output.summary.totalCruised).toBeGreaterThan(5);
  expect(
    output.summary.violations.map(
      (v) => `${v.rule.name}: ${v.from} -> ${v.to} ${v.cycle?.map((step) => step.name).join(" -> ") ?? ""}`,
    ),
  ).toEqual([]);
});
