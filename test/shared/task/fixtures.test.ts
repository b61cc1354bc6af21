import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { actionOf } from "../../../shared/scope/actions.ts";
import { decide } from "../../../shared/scope/decide.ts";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { surroundingsOf } from "../../../shared/scope/surroundings.ts";
import { judgeShell } from "../../../shared/shell/judge.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { findRoot } from "../../../shared/task/locate.ts";
import { type Rule, ruleSchema, type TaskSpec } from "../../../shared/task/spec.ts";

/**
 * One task file and what the design says of it; with `each`, several that differ in what `{each}` stands for.
 * `ROOT` stands for the repository. Lists say what must be there; `allow` and `inspect` say all.
 */
const fixtureSchema = z.strictObject({
  name: z.string(),
  /** Below `opencode_tasks/`. */
  file: z.optional(z.string()),
  text: z.string(),
  each: z.optional(z.array(z.string())),
  files: z.optional(z.array(z.string())),
  ok: z.optional(z.boolean()),
  slug: z.optional(z.string()),
  allow: z.optional(z.array(z.string())),
  inspect: z.optional(z.array(z.string())),
  rules: z.optional(z.array(ruleSchema)),
  notRules: z.optional(z.array(ruleSchema)),
  prohibitions: z.optional(z.array(z.tuple([z.string(), z.string()]))),
  validation: z.optional(z.array(z.string())),
  notValidation: z.optional(z.array(z.string())),
  allowed: z.optional(z.array(z.string())),
  refused: z.optional(z.array(z.string())),
  unread: z.optional(z.array(z.string())),
  errors: z.optional(z.array(z.string())),
  errorLine: z.optional(z.number()),
  warnings: z.optional(z.array(z.string())),
});
type Fixture = z.infer<typeof fixtureSchema>;
/** `files`: what exists where a fixture says nothing else. */
const fixturesSchema = z.strictObject({ files: z.array(z.string()), fixtures: z.array(fixtureSchema) });

const folder = join(import.meta.dirname, "cases");
let root = "";
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "handrail-task-")));
  execFileSync("git", ["init", "-q", root]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => {
  for (const name of readdirSync(root))
    if (name !== ".git") rmSync(join(root, name), { recursive: true, force: true });
});

/** Fills the repository with the fixture's files, and reads its task. */
function read(fixture: Fixture): TaskSpec {
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const file of fixture.files ?? []) write(file, "x\n");
  const task = `opencode_tasks/${fixture.file ?? `20261121-${fixture.name}.txt`}`;
  write(task, `${fixture.text}\n`.replaceAll("ROOT", root));
  return loadTask(task, findRoot(root));
}

/** Case, backticks and spacing aside. */
const plain = (text: string) =>
  text
    .toLowerCase()
    .replace(/[`\s]+/g, " ")
    .trim();

function check(fixture: Fixture): void {
  const spec = read(fixture);
  const said = JSON.stringify({ ...spec, packet: undefined });
  expect(spec.ok, said).toBe(fixture.ok ?? true);
  if (fixture.slug !== undefined) expect(spec.slug).toBe(fixture.slug);
  const sorted = (list: readonly string[]) => [...list].sort();
  if (fixture.allow) expect(sorted(spec.scope.allow), said).toEqual(sorted(fixture.allow));
  if (fixture.inspect) expect(sorted(spec.scope.inspect), said).toEqual(sorted(fixture.inspect));
  expect(spec.scope.rules, said).toEqual(expect.arrayContaining<Rule>(fixture.rules ?? []));
  for (const rule of fixture.notRules ?? []) expect(spec.scope.rules, said).not.toContain(rule);
  expect(spec.validation, said).toEqual(expect.arrayContaining(fixture.validation ?? []));
  for (const command of fixture.notValidation ?? []) expect(spec.validation, said).not.toContain(command);
  for (const [part, enforcement] of fixture.prohibitions ?? []) {
    const found = spec.prohibitions.filter((one) => plain(one.text).includes(plain(part)));
    expect(
      found.some((one) => enforcement.split("|").includes(one.enforcement)),
      `${part} as ${enforcement}: ${JSON.stringify(spec.prohibitions)}`,
    ).toBe(true);
  }
  for (const part of fixture.errors ?? []) {
    const found = spec.errors.filter((one) => one.message.toLowerCase().includes(part.toLowerCase()));
    expect(found, `${part}: ${said}`).not.toEqual([]);
    if (fixture.errorLine !== undefined) expect(found[0]?.line, said).toBe(fixture.errorLine);
  }
  if (!spec.ok) expect(spec.errors[0]?.message).toBeTruthy();
  for (const part of fixture.warnings ?? [])
    expect(spec.warnings.map((one) => one.message).join("\n")).toContain(part);
  if (!spec.ok) return;
  const context = {
    root,
    directory: root,
    matcher: createMatcher(spec.scope, surroundingsOf(root)),
    confinement: "overlay" as const,
    judgeShell,
  };
  const verdict = (tool: string, args: unknown) =>
    decide(actionOf(tool, args, { readOnlyTools: [], pathArguments: {} }), context).decision;
  const write = (filePath: string) =>
    verdict("write", { filePath: filePath.replaceAll("ROOT", root), content: "x" });
  for (const path of fixture.allowed ?? []) expect(write(path), `${path} ${said}`).toBe("allow");
  for (const path of fixture.refused ?? []) expect(write(path), `${path} ${said}`).toBe("refuse");
  for (const filePath of fixture.unread ?? [])
    expect(verdict("read", { filePath }), `${filePath} ${said}`).toBe("refuse");
}

/** One fixture for each of the values that `{each}` stands for. */
function expand(fixture: Fixture): Fixture[] {
  if (!fixture.each) return [fixture];
  return fixture.each.map((value, index) => ({
    ...fixture,
    name: `${fixture.name}-${index}`,
    text: fixture.text.replace("{each}", () => value),
    prohibitions: fixture.prohibitions?.map(([part, enforcement]) => [
      part.replace("{each}", () => value),
      enforcement,
    ]),
  }));
}

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const { files, fixtures } = fixturesSchema.parse(JSON.parse(readFileSync(join(folder, file), "utf8")));
  const all = fixtures.flatMap((one) => expand({ files, ...one }));
  describe(file, () => {
    test.each(all.map((one) => [one.name, one] as const))("%s", (_, fixture) => check(fixture));
  });
}
