import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasFileScope, readFileScope } from "../../../shared/task/file-scope.ts";
import { kindsOf, verdict } from "./task.ts";

const files = ["src/cart.ts", "src/price.ts", "docs/plan.md"];
const read = (prompt: string) => readFileScope(prompt, { root: "/repo", kindOf: kindsOf(files) });

function specOf(prompt: string) {
  const found = read(prompt);
  if (found.kind !== "scope") throw new Error(`no scope: ${found.kind}`);
  return found.spec;
}

const RENDERED = `Implement it.

## File scope

Task: plan-f1

Files to modify:
- src/cart.ts
- src/discount.ts

Files to inspect only:
- src/price.ts

Do not:
- touch docs/

## Plan

1. Change src/price.ts as well.
`;

describe("a file scope block", () => {
  test("names the files, the slug and the prohibitions; what follows does not widen it", () => {
    const spec = specOf(RENDERED);
    expect(spec).toMatchObject({ ok: true, source: "file-scope", slug: "plan-f1", errors: [] });
    expect(spec.scope.allow).toEqual(["src/cart.ts", "src/discount.ts"]);
    expect(spec.scope.inspect).toEqual(["src/price.ts"]);
    expect(verdict(spec, "src/cart.ts", files)).toBe("allow");
    expect(verdict(spec, "src/price.ts", files)).not.toBe("allow");
    expect(verdict(spec, "docs/plan.md", files)).not.toBe("allow");
  });

  test.each([
    ["bare list", "## File scope\n- src/cart.ts\n"],
    ["bold", "**File scope:**\n- `src/cart.ts`\n"],
    ["plain", "Do it.\n\nFile scope:\n- src/cart.ts\n\nThen change src/price.ts and say what you did.\n"],
    ["upper case", "FILE_SCOPE:\nsrc/cart.ts\n"],
    ["tags", "<file_scope>\nsrc/cart.ts\n</file_scope>\nChange src/price.ts.\n"],
    ["deeper headings inside", "# File scope\n## Files to modify\n- src/cart.ts\n# Plan\n- src/price.ts\n"],
    ["CRLF", "## File scope\r\n\r\n- src/cart.ts\r\n"],
  ])("%s", (_name, prompt) => {
    const spec = specOf(prompt);
    expect(spec.errors).toEqual([]);
    expect(spec.scope.allow).toEqual(["src/cart.ts"]);
  });

  test("its slug is the same for the same files, another for others", () => {
    const [a, b, c] = ["src/cart.ts", "src/cart.ts", "src/price.ts"].map(
      (f) => specOf(`File scope:\n- ${f}`).slug,
    );
    expect(a).toBe(b);
    expect(a).not.toBe(c);
    expect(a).toMatch(/^scope-[0-9a-f]{8}$/);
  });

  test("without files, or with the whole repository, it is an error with its line", () => {
    const empty = specOf("Please.\n\n## File scope\n\nwhatever is needed\n");
    expect(empty.ok).toBe(false);
    expect(empty.errors[0]?.line).toBe(5);
    expect(specOf("File scope:\n- **\n").ok).toBe(false);
  });

  test("two blocks are an error: a quoted one must not widen the other", () => {
    const spec = specOf("## File scope\n- src/cart.ts\n\n## Findings\n\n## File scope\n- src/price.ts\n");
    expect(spec.ok).toBe(false);
    expect(spec.errors[0]).toMatchObject({ line: 6 });
    expect(spec.scope.allow).not.toContain("src/price.ts");
  });

  test("read only is read only", () => {
    expect(read("## File scope (read only)\n- src/cart.ts\n")).toMatchObject({ kind: "read-only", line: 1 });
  });

  test("no block, a block in a code sample, or the words in a sentence are none", () => {
    for (const prompt of [
      "Change src/cart.ts.",
      "Keep to the file scope: src/cart.ts.",
      "```\n## File scope\n- src/cart.ts\n```\nand more",
    ]) {
      expect(read(prompt)).toEqual({ kind: "none" });
      expect(hasFileScope(prompt)).toBe(false);
    }
    expect(hasFileScope(RENDERED)).toBe(true);
  });

  test("hostile input never throws, and never opens what lies outside, or everything", () => {
    const word = fc.constantFrom(
      "## File scope",
      "File scope:",
      "<file_scope>",
      "</file_scope>",
      "- src/cart.ts",
      "- **",
      "Task: ../x",
      "Files to modify:",
      "# x",
      "```",
      "",
      "Do not:",
      "- /etc/passwd",
      "> ## File scope",
      "\t- a",
      "\u0000",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 30 }), (lines) => {
        const found = read(lines.join("\n"));
        if (found.kind !== "scope" || !found.spec.ok) return;
        // Nothing outside the repository, and not all of it.
        for (const path of found.spec.scope.allow) expect(path).not.toMatch(/^\/|^\*\*?$|(^|\/)\.\.(\/|$)/);
      }),
      { numRuns: 300 },
    );
  });
});
