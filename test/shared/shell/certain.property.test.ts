import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { judgeShell } from "../../../shared/shell/judge.ts";
import { scopeOf } from "../scope/scope.ts";
import { type Entry, makeTree, plantOne } from "../scope/tree.ts";

/** Commands that write, remove, move and branch at random, really run by bash after they were judged. */
const files: Record<string, Entry> = {
  "in/a": "1\n",
  "in/b": "2\n",
  out: "3\n",
  "deep/c": "4\n",
  "in/link": { link: "../out" },
};
let unique = 0;
const path = fc.constantFrom(
  "in/a",
  "in/b",
  "in/new",
  "out",
  "deep/c",
  "new",
  "deep/new",
  "a",
  "../out",
  "in/link",
  "$X",
  '"$X"',
);
/** Never `..`: what is run here is run for real. */
const folder = fc.constantFrom("in", "deep", "made", "in/made", "nosuch");
const glob = fc.constantFrom("in/*", "*", "deep/?", "no*");
const plain = fc.oneof(
  path.map((p) => `echo n${unique++} > ${p}`),
  path.map((p) => `echo n${unique++} >> ${p}`),
  path.map((p) => `rm -f ${p}`),
  path.map((p) => `rm ${p}`),
  glob.map((g) => `rm ${g}`),
  fc.tuple(path, path).map(([p, q]) => `mv ${p} ${q}`),
  fc.tuple(path, path).map(([p, q]) => `cp ${p} ${q}`),
  fc.tuple(path, path).map(([p, q]) => `ln -sf ${p} ${q}`),
  path.map((p) => `touch ${p}`),
  path.map((p) => `echo n${unique++} | tee ${p} >/dev/null`),
  path.map((p) => `sed -i s/^/n${unique++}/ ${p}`),
  folder.map((d) => `mkdir -p ${d}`),
  folder.map((d) => `mkdir ${d}`),
  folder.map((d) => `rmdir ${d}`),
  folder.map((d) => `rm -rf ${d}`),
  folder.map((d) => `cd ${d}`),
  fc.constantFrom("in/a", "out", "new").map((p) => `X=${p}`),
  path.map((p) => `[ -e ${p} ]`),
  fc.constantFrom(
    "true",
    "false",
    "exit 0",
    "exit 1",
    "exit",
    "return",
    "break",
    "continue",
    ":",
    "cd",
    "trap 'rm -f new' EXIT",
  ),
);
const { command } = fc.letrec<{ command: string }>((tie) => ({
  command: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    plain,
    fc.tuple(tie("command"), tie("command")).map(([a, b]) => `${a}; ${b}`),
    fc.tuple(tie("command"), tie("command")).map(([a, b]) => `${a} && ${b}`),
    fc.tuple(tie("command"), tie("command")).map(([a, b]) => `${a} || ${b}`),
    tie("command").map((a) => `( ${a} )`),
    tie("command").map((a) => `{ ${a}; }`),
    tie("command").map((a) => `! ${a}`),
    tie("command").map((a) => `echo "$( ${a} )" >/dev/null`),
    tie("command").map((a) => `bash -c '${a.replaceAll("'", "'\\''")}'`),
    fc.tuple(tie("command"), tie("command")).map(([a, b]) => `if ${a}; then ${b}; fi`),
    fc.tuple(tie("command"), tie("command")).map(([a, b]) => `{ ${a}; } | { ${b}; }`),
    tie("command").map((a) => `for X in in/a out; do ${a}; done`),
    tie("command").map((a) => `for X in in/*; do ${a}; done`),
    fc.tuple(tie("command"), tie("command")).map(([a, b]) => `f() { ${a}; }; f; ${b}`),
    tie("command").map((a) => `case x in x) ${a} ;; esac`),
  ),
}));

function manifest(root: string, below = ""): Map<string, string> {
  const seen = new Map<string, string>();
  for (const name of readdirSync(join(root, below)).sort()) {
    const relative = below === "" ? name : `${below}/${name}`;
    const full = join(root, relative);
    const stats = lstatSync(full);
    if (stats.isDirectory()) {
      seen.set(relative, "folder");
      for (const [key, value] of manifest(root, relative)) seen.set(key, value);
    } else seen.set(relative, stats.isSymbolicLink() ? readlinkSync(full) : readFileSync(full, "utf8"));
  }
  return seen;
}

function outOfScope(seen: Map<string, string>): string {
  return JSON.stringify([...seen].filter(([name]) => name !== "in" && !name.startsWith("in/")));
}

test("a command that is refused, and then run all the same, does change what is out of scope", () => {
  const { base, root, outside } = makeTree({});
  const matcher = createMatcher(scopeOf({ allow: ["in/**"] }));
  let refusals = 0;
  let blind = 0;
  fc.assert(
    fc.property(command, (text) => {
      for (const name of readdirSync(base)) rmSync(join(base, name), { recursive: true, force: true });
      for (const folder of [root, outside]) mkdirSync(folder);
      for (const [name, entry] of Object.entries(files)) plantOne(join(root, name), entry, root);
      const env = { HOME: outside, TMPDIR: outside, PATH: process.env.PATH ?? "" };
      const before = outOfScope(manifest(root));
      const refusal = judgeShell(text, root, matcher, { root, env });
      const run = spawnSync("bash", ["-c", text], { cwd: root, env, timeout: 5000, stdio: "ignore" });
      const changed = outOfScope(manifest(root)) !== before;
      if (changed && !refusal) blind++;
      if (!refusal || run.status !== 0) return;
      refusals++;
      expect(changed, `${text}\n${JSON.stringify(refusal)}`).toBe(true);
    }),
    { numRuns: 80, seed: 7 },
  );
  expect(refusals).toBeGreaterThan(2);
  expect(blind).toBeGreaterThan(0);
});
