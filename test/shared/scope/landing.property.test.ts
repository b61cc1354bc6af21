import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { actionOf } from "../../../shared/scope/actions.ts";
import { decide } from "../../../shared/scope/decide.ts";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { surroundingsOf } from "../../../shared/scope/surroundings.ts";
import { scopeOf } from "./scope.ts";
import { type Entry, makeTree, plantOne } from "./tree.ts";

const name = fc.constantFrom(
  "a",
  "b",
  "lib",
  "secret",
  "up",
  "out",
  "in",
  "..",
  ".",
  "",
  ".git",
  "x y",
  "é",
  "e\u0301",
);
const inside = fc.constantFrom("a", "b", "lib", "secret", "up", "out", "in");
const linkTarget = fc.oneof(
  fc
    .array(fc.constantFrom("a", "b", "lib", "secret", "..", "."), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join("/")),
  fc.constantFrom("../../outside", "../outside", "ROOT/a", "ROOT/../outside/o.txt"),
);
const tree = fc.dictionary(
  fc.array(inside, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")),
  fc.oneof(
    fc.constant({ file: true }),
    fc.constant({ folder: true }),
    linkTarget.map((link) => ({ link })),
  ),
  { maxKeys: 7 },
);
const path = fc
  .tuple(fc.constantFrom("", "ROOT/", "ROOT/../repo/", "./"), fc.array(name, { minLength: 1, maxLength: 5 }))
  .map(([start, parts]) => start + parts.join("/"));

/** Every plain file below a folder, links not followed. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(full) : entry.isFile() ? [full] : [];
  });
}

/** Writes as OpenCode's write tool does: joined to the directory, an absolute path as it is, folders made. */
function writeLikeTool(directory: string, given: string, content: string): boolean {
  const target = isAbsolute(given) ? given : join(directory, given);
  try {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    return true;
  } catch {
    // The system refuses: nothing was written, which is safe.
    return false;
  }
}

test("what is allowed lands in scope, whatever the links and the dots", () => {
  const { root, outside } = makeTree({});
  let landed = 0;
  fc.assert(
    fc.property(tree, path, fc.constantFrom("", "lib", "a"), (entries, given, start) => {
      for (const old of readdirSync(root))
        if (old !== ".git") rmSync(join(root, old), { recursive: true, force: true });
      writeFileSync(join(outside, "o.txt"), "mine");
      plant(root, entries);
      const directory = join(root, start);
      if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
      const filePath = given.replaceAll("ROOT", root);
      const matcher = createMatcher(
        scopeOf({ allow: ["a", "lib/**", "in/"], forbid: ["secret", "lib/b/"] }),
        surroundingsOf(root),
      );
      const action = actionOf("write", { filePath, content: "x" }, { readOnlyTools: [], pathArguments: {} });
      const decision = decide(action, { root, directory, matcher, confinement: "none" });
      if (decision.decision !== "allow") return;
      const mark = "written by the test";
      if (!writeLikeTool(directory, filePath, mark)) return;
      const hits = [...filesBelow(root), ...filesBelow(outside)].filter(
        (file) => readFileSync(file, "utf8") === mark,
      );
      expect(hits).toHaveLength(1);
      const relative = hits[0]?.slice(root.length + 1) ?? "";
      expect(hits[0]?.startsWith(`${root}/`)).toBe(true);
      expect(relative === "a" || /^(a|lib|in)\//.test(relative)).toBe(true);
      expect(relative).not.toMatch(/(^|\/)(secret|\.git)(\/|$)|^lib\/b(\/|$)/);
      landed++;
    }),
    { numRuns: 600 },
  );
  expect(landed).toBeGreaterThan(10);
});

function plant(root: string, entries: Record<string, { file?: true; folder?: true; link?: string }>): void {
  for (const [name, entry] of Object.entries(entries)) {
    const planted: Entry = entry.link
      ? { link: entry.link.replaceAll("ROOT", root) }
      : entry.file
        ? "old"
        : {};
    try {
      const path = join(root, name);
      // Not through a link of another entry: the test's own files stay in its own folder.
      if (realpathSync(nearest(dirname(path))).startsWith(root)) plantOne(path, planted);
    } catch {
      // Two random entries do not fit into one tree (a file where a folder is needed): leave the later out.
    }
  }
}

function nearest(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false }) ? path : nearest(dirname(path));
}
