import { describe, expect, test } from "vitest";
import { enforced, parse } from "./task.ts";

describe("a list of files to modify is found under every spelling of its heading", () => {
  const headings = `Files to modify:|Files:|File:|## Files to modify|## 2. Files to modify|### Target files|**Files**|**Files:**|**Files to modify**:|__Files to change__|FILES TO MODIFY:|files_to_modify:|Target files (only these):|Files to edit/create:|Files to create:|Files you may change:|Files that may be modified:|Files to be changed:|Allowed files:|Allowed:|Scope:|In scope:|Affected files:|Modify:|Please update the following files:|You may only change these two files:|Modify only the following files:|=== Files ===|[Files to modify]|📁 Files:|Files to modify (max 2):|Source files:|New files:|Touch only:`;
  test.each(headings.split("|"))("%s", (heading) => {
    const spec = parse(`Fix it\n\n${heading}\n- src/a.ts\n\nNotes:\n- src/b.ts\n`);
    expect(spec.errors).toEqual([]);
    expect(spec.scope.allow).toEqual(["src/a.ts"]);
  });

  test.each([
    "Files to modify\n-----",
    "Files to modify\n=====",
    "Files to modify",
    "FILES TO MODIFY",
    "<files>",
    "Target files",
  ])("on a line of its own: %j", (heading) => {
    expect(parse(`Fix it\n\n${heading}\n- src/a.ts\n`).scope.allow).toEqual(["src/a.ts"]);
  });

  test.each([
    "Files: src/a.ts, src/b.ts",
    "Files to modify: `src/a.ts` and `src/b.ts`",
    "**Files:** src/a.ts, src/b.ts",
    "- Files: src/a.ts, src/b.ts",
    "Files to modify — src/a.ts, src/b.ts",
    "Files to modify: src/a.ts,\n  src/b.ts",
    "Modify: src/a.ts\nTarget: src/b.ts",
    "Fix it. Files: src/a.ts, src/b.ts. Tests: npm test.",
  ])("with the list on the same line: %j", (line) => {
    const spec = parse(`Fix it\n\n${line}\n\nsrc/c.ts is only context.\n`);
    expect(spec.scope.allow).toEqual(["src/a.ts", "src/b.ts"]);
  });
});

test.each([
  "Files to inspect only:",
  "Files to inspect only (do not modify):",
  "Inspect only:",
  "Read only:",
  "Read-only files:",
  "For reference:",
  "Reference files:",
  "Files to read but not modify:",
  "Files to read:",
  "Context files:",
  "See also:",
  "Files (for reference):",
  "These are for reference only:",
])("%s lists files to inspect", (heading) => {
  const spec = parse(`Fix it\n\nFiles:\n- src/a.ts\n\n${heading}\n- src/b.ts\n`);
  expect(spec.scope).toMatchObject({ allow: ["src/a.ts"], inspect: ["src/b.ts"] });
});

test.each([
  "Do not:",
  "Do NOT:",
  "**Do not**",
  "## Don't",
  "Don’t:",
  "DON'T:",
  "Must not:",
  "You must not:",
  "Never:",
  "Forbidden:",
  "Out of scope:",
  "Not in scope:",
  "Off-limits:",
  "Do not touch:",
  "Do not modify these files:",
  "Do NOT under any circumstances:",
  "Files not to touch:",
  "The following files must not be changed:",
  "Files that must stay unchanged:",
  "Protected files:",
  "❌ Do not:",
  "What not to do:",
  "Non-goals:",
  "Not allowed:",
])("%s lists what is forbidden", (heading) => {
  const spec = parse(`Fix it\n\nFiles:\n- src/\n\n${heading}\n- src/b.ts\n`);
  expect(spec.scope.forbid).toEqual(["src/b.ts"]);
  expect(enforced(spec)).toEqual(["path src/b.ts"]);
});

test.each([
  "Context",
  "Background",
  "Required changes",
  "Implementation guidance",
  "Notes",
  "Steps",
  "Anything else",
])("paths below %s never widen the scope", (heading) => {
  const text = `Fix it\n\n## ${heading}\n- src/b.ts\n- Update src/c.ts.\n`;
  expect(parse(text).ok).toBe(false);
  expect(parse(`${text}\n## Files\n- src/a.ts\n`).scope.allow).toEqual(["src/a.ts"]);
});

test("numbered headings divide a list", () => {
  const spec = parse(
    "1. Context\n   See src/slow.ts.\n2. Files to modify\n   - src/a.ts\n3. Required changes\n   - Cache in src/cache.ts\n4. Do not\n   - touch src/x.ts\n",
  );
  expect(spec.scope).toMatchObject({ allow: ["src/a.ts"], forbid: ["src/x.ts"] });
});

test("headings below a heading keep its meaning, unless they say another", () => {
  const spec = parse(
    "# T\n## Files to modify\n### Backend\n- src/a.ts\n### `src/b.ts`\n- like src/c.ts\n### Do not touch\n- src/d.ts\n### Notes\n- src/e.ts\n",
  );
  expect(spec.scope).toMatchObject({ allow: ["src/a.ts", "src/b.ts"], forbid: ["src/d.ts"] });
});

test("a quoted task, a task in a fence and Windows line ends are read like any other", () => {
  const text = "Fix it\n\nFiles to modify:\n- src/a.ts\n\nDo not:\n- touch src/b.ts\n";
  for (const variant of [
    text.replaceAll("\n", "\r\n"),
    `\ufeff${text}`,
    text.replace(/^/gm, "> "),
    `\`\`\`\n${text}\`\`\`\n`,
    text.replaceAll("- ", "\t- "),
  ]) {
    expect(parse(variant).scope).toMatchObject({ allow: ["src/a.ts"], forbid: ["src/b.ts"] });
  }
});
