import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTask } from "../../../shared/task/parse.ts";
import { normalizePattern } from "../../../shared/task/pattern.ts";
import { taskSpecSchema } from "../../../shared/task/spec.ts";
import { parse, verdict } from "./task.ts";

const fragments = [
  "Files to modify:",
  "Files:",
  "Do not:",
  "Do not ",
  "never ",
  "no ",
  "except ",
  "only ",
  "outside ",
  "Tests:",
  "## ",
  "# ",
  "**",
  "`",
  "```",
  "- ",
  "1. ",
  "  ",
  "\n",
  "\n\n",
  "\r\n",
  "\t",
  "| ",
  ": ",
  ", ",
  " and ",
  " or ",
  " — ",
  "(",
  ")",
  "src/a.ts",
  "src/",
  "../x",
  "/etc/passwd",
  "**/*",
  "*.ts",
  ".git/config",
  "/repo/src/b.ts",
  "C:\\x",
  "tests",
  "files",
  "touch ",
  "change ",
  "commit",
  "Update ",
  "In ",
  "may commit",
  "\0",
  "\u202e",
  "\ud800",
  "{",
  "}",
  '"packet_version"',
  "<",
  ">",
  "!",
  "~",
  "$HOME",
  "...",
  "é",
  "Corrects: x",
  "│ ",
  "├── ",
  "{a,b}",
  "\\",
];
const sloppy = fc.array(fc.constantFrom(...fragments), { maxLength: 60 }).map((parts) => parts.join(""));
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), sloppy, fc.json());

test("any text becomes a spec whose allow list stays inside the repository", () => {
  fc.assert(
    fc.property(text, fc.constantFrom("x.txt", "x.json", "", "../y.md"), (task, fileName) => {
      const spec = parseTask(task, { fileName, root: "/repo" });
      expect(taskSpecSchema.safeParse(JSON.parse(JSON.stringify(spec))).success).toBe(true);
      expect(spec.ok).toBe(spec.errors.length === 0);
      if (spec.ok) expect(spec.scope.allow).not.toEqual([]);
      for (const pattern of spec.scope.allow) {
        expect(normalizePattern(pattern, "/repo")).toEqual({ ok: true, pattern });
        expect(pattern.split("/")).not.toContain("..");
      }
      for (const path of ["../x", ".git/config", "/etc/passwd"])
        expect(verdict(spec, path)).not.toBe("allow");
    }),
    { numRuns: 600 },
  );
});

test("what a task forbids by name is never allowed, whatever stands before it", () => {
  fc.assert(
    fc.property(sloppy, (before) => {
      const spec = parse(
        `${before.replace(/[`<]/g, "")}\n\nFiles to modify:\n- src/\n\nDo not:\n- touch src/x.ts\n`,
      );
      if (spec.ok) expect(verdict(spec, "src/x.ts")).not.toBe("allow");
    }),
    { numRuns: 200 },
  );
});

/** A regular expression that goes back over its steps takes minutes here, not seconds. */
test.each([
  "a",
  " ",
  "(",
  "`",
  "*",
  ".",
  "- ",
  "do not ",
  "opencode",
  "src/a.ts, ",
  "[a](b) ",
  "a: ",
  "except ",
  "src/** ",
  "!!x",
  "to ",
])("a megabyte of %j, on one line and on many", (seed) => {
  expect(parse(`Fix src/a.ts\n${seed.repeat(Math.ceil(1_048_576 / seed.length))}`).ok).toBe(false);
  const lines = `${seed.repeat(Math.floor(7_900 / seed.length))}x\n`.repeat(8);
  const spec = parse(`T\n\nFiles to modify:\n- ${lines}\nTests:\n- ${lines}\nDo not:\n- ${lines}`);
  expect(spec.source).toBe("task-file");
});

test.each(["\n", "a: b\n", "- no x\n", "  - a.ts\n", "# a\n", "```\n"])(
  "a hundred thousand lines of %j",
  (line) => {
    const spec = parse(`Fix src/a.ts\n${line.repeat(100_000)}`);
    expect(spec.errors.map((one) => one.message)).toContain("the task has more than 20000 lines; shorten it");
  },
);
