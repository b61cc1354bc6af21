import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { parseTask } from "../../../shared/task/parse.ts";

/** `HANDRAIL_CASES` names the folder for a work tree that lies elsewhere. */
const folder = process.env.HANDRAIL_CASES
  ? `${process.env.HANDRAIL_CASES}/tasks/`
  : fileURLToPath(new URL("../../../../shared/cases/tasks/", import.meta.url));
const strings = z.optional(z.array(z.string()));
const expectedSchema = z.object({
  files: z.array(z.string()),
  ok: z.boolean(),
  slug: z.optional(z.string()),
  allow: strings,
  inspect: strings,
  rules: strings,
  prohibitions: z.optional(
    z.array(z.object({ textIncludes: z.string(), enforcement: z.union([z.string(), z.array(z.string())]) })),
  ),
  validation: strings,
  allowProbe: strings,
  forbidProbe: strings,
  errorsIncludes: strings,
  errorLine: z.optional(z.number()),
});

const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".expected.json")) : [];
if (names.length === 0) console.log(`task cases skipped: no folder ${folder}`);

/** Case, backticks and spacing aside. */
const plain = (text: string) =>
  text
    .toLowerCase()
    .replace(/[`\s]+/g, " ")
    .trim();

describe.skipIf(names.length === 0)("shared task cases", () => {
  test.each(names)("%s", (name) => {
    const expected = expectedSchema.parse(JSON.parse(readFileSync(`${folder}${name}`, "utf8")));
    const base = name.replace(".expected.json", "");
    const ending = existsSync(`${folder}${base}.txt`) ? "txt" : "json";
    const text = readFileSync(`${folder}${base}.${ending}`, "utf8");
    const kindOf = (path: string) =>
      expected.files.includes(path)
        ? ("file" as const)
        : expected.files.some((file) => file.startsWith(`${path}/`))
          ? ("directory" as const)
          : undefined;
    const spec = parseTask(text, {
      fileName: `opencode_tasks/20261121-${base}.${ending}`,
      root: "/repo",
      kindOf,
    });
    expect(spec.ok, JSON.stringify(spec.errors)).toBe(expected.ok);
    expect(spec.slug).toBe(expected.slug ?? base);
    if (expected.allow) expect([...spec.scope.allow].sort()).toEqual([...expected.allow].sort());
    if (expected.inspect) expect([...spec.scope.inspect].sort()).toEqual([...expected.inspect].sort());
    expect(spec.scope.rules).toEqual(expect.arrayContaining(expected.rules ?? []));
    expect(spec.validation).toEqual(expect.arrayContaining(expected.validation ?? []));
    for (const { textIncludes, enforcement } of expected.prohibitions ?? []) {
      const found = spec.prohibitions.filter((one) => plain(one.text).includes(plain(textIncludes)));
      expect([enforcement].flat(), `${textIncludes}: ${JSON.stringify(found)}`).toContain(
        found.find((one) => [enforcement].flat().includes(one.enforcement))?.enforcement,
      );
    }
    for (const part of expected.errorsIncludes ?? []) {
      const found = spec.errors.filter((one) => one.message.toLowerCase().includes(part.toLowerCase()));
      expect(found, part).not.toEqual([]);
      const line = found.find((one) => one.line !== undefined)?.line;
      if (expected.errorLine !== undefined && line !== undefined) expect(line).toBe(expected.errorLine);
    }
    const matcher = createMatcher(spec.scope, { kindOf });
    const verdict = (path: string) =>
      path.startsWith("../")
        ? "refuse"
        : matcher.classify(path, kindOf(path) === undefined ? "create" : "modify").decision;
    for (const path of expected.allowProbe ?? []) expect(verdict(path), path).toBe("allow");
    if (spec.ok) for (const path of expected.forbidProbe ?? []) expect(verdict(path), path).toBe("refuse");
  });
});
