import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Rule } from "../../../shared/task/spec.ts";
import { type HeldRepo, holdRepo, mechanisms } from "../../lab/held.ts";
import { changed, type Manifest, manifest } from "../../lab/repo.ts";

const sample = {
  files: Object.fromEntries(
    ["src/a.ts", "src/b.ts", "src/lib/p", "src/lib/d/p", "src/lib/d/q", "docs/p", "docs/d/q"].map((path) => [
      path,
      `${path}\n`,
    ]),
  ),
};

const inside = fc.constantFrom(
  "src/a.ts",
  ...["p", "q", "d", "d/p", "d/q", "e/p"].map((name) => `src/lib/${name}`),
);
const outside = fc.constantFrom("src/b.ts", "docs/p", "docs/q", "docs/d", "docs/d/q", "README");
const anywhere = fc.oneof({ arbitrary: inside, weight: 3 }, outside);
const text = fc.constantFrom("one", "two", "three");

/** One file operation as a shell command; most may fail, as they would bare. */
const operation = fc.oneof(
  fc.tuple(anywhere, text).map(([path, word]) => `echo ${word} > ${path}`),
  fc.tuple(anywhere, text).map(([path, word]) => `echo ${word} >> ${path}`),
  fc.tuple(anywhere, fc.nat(5)).map(([path, size]) => `truncate -s ${size} ${path}`),
  fc.tuple(anywhere, text).map(([path, word]) => `sed -i s/./${word}/ ${path}`),
  fc.tuple(anywhere, anywhere).map(([from, to]) => `mv -fT ${from} ${to}`),
  // rename(2) itself, of folders, too.
  fc.tuple(inside, inside).map(([from, to]) => `${process.execPath} -e 'fs.renameSync("${from}", "${to}")'`),
  fc.tuple(anywhere, anywhere).map(([from, to]) => `ln -fT ${from} ${to}`),
  fc.tuple(anywhere, anywhere).map(([from, to]) => `cp -aT ${from} ${to}`),
  inside.map((path) => `ln -sfT p ${path}`),
  fc
    .tuple(anywhere, fc.constantFrom("600", "755", "644", "700"))
    .map(([path, mode]) => `chmod ${mode} ${path}`),
  anywhere.map((path) => `rm -f ${path}`),
  anywhere.map((path) => `rm -rf ${path}`),
  anywhere.map((path) => `mkdir -p ${path}`),
  anywhere.map((path) => `rm -rf ${path} && mkdir ${path} && echo new > ${path}/n`),
  anywhere.map((path) => `rm -rf ${path} && echo file > ${path}`),
);

const isInScope = (path: string) => path === "src/a.ts" || path.startsWith("src/lib/");
const inScope = (all: Manifest) =>
  Object.fromEntries(Object.entries(all).filter(([path]) => isInScope(path)));

describe.each(mechanisms)("%s", (mechanism) => {
  test("any program of file operations: in scope as bare, elsewhere nothing, and no byte lost", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 12 }), async (operations) => {
        const held = await holdRepo({ mechanism, repo: sample });
        try {
          await check(held, operations);
        } finally {
          await held.close();
        }
      }),
      { numRuns: Number(process.env.HANDRAIL_PROPERTY_RUNS ?? 15) },
    );
  }, 600_000);
});

/** With links that lead out and in, and what a task may say against what its scope allows. */
const linked = {
  files: sample.files,
  links: {
    "src/lib/out": "../../docs",
    "src/lib/in": "d",
    "docs/in": "../src/lib",
    "src/lib/file": "../b.ts",
  },
};
const through = fc.constantFrom(
  ...["src/lib/out", "src/lib/out/p", "src/lib/out/d", "src/lib/out/d/q", "src/lib/in", "src/lib/in/p"],
  ...["docs/in", "docs/in/p", "docs/in/d/q", "src/lib/file", "src/lib"],
);
const somewhere = fc.oneof(anywhere, { arbitrary: through, weight: 3 });
const linkOperation = fc.oneof(
  operation,
  fc.tuple(somewhere, text).map(([path, word]) => `echo ${word} > ${path}`),
  fc.tuple(somewhere, somewhere).map(([from, to]) => `mv -fT ${from} ${to}`),
  fc.tuple(somewhere, somewhere).map(([from, to]) => `cp -aT ${from} ${to}`),
  fc.tuple(somewhere, somewhere).map(([from, to]) => `ln -fT ${from} ${to}`),
  fc
    .tuple(fc.constantFrom("p", "d", "../b.ts", "../../docs", ".."), somewhere)
    .map(([to, path]) => `ln -sfT ${to} ${path}`),
  somewhere.map((path) => `rm -rf ${path}`),
  {
    // A folder in place of what may not go.
    arbitrary: fc
      .oneof(somewhere, fc.constantFrom("src/lib/out", "src/lib/in", "src/lib/file", "docs/in"))
      .map((path) => `rm -rf ${path}; mkdir -p ${path}/d; echo new > ${path}/q; echo deep > ${path}/d/p`),
    weight: 3,
  },
  somewhere.map((path) => `rm -rf ${path}; echo file > ${path}`),
);
const told = fc.record({
  rules: fc.subarray<Rule>(["no-delete", "no-new-files", "no-rename"]),
  forbid: fc.subarray(["src/lib/d/p", "src/lib/out", "src/lib/in", "src/lib/e"], { maxLength: 2 }),
  inspect: fc.subarray(["src/lib/p"]),
});

describe.each(mechanisms)("%s, with rules and links", (mechanism) => {
  test("nothing changes but what the task allows, no rule is broken, and no byte lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(linkOperation, { minLength: 1, maxLength: 8 }),
        told,
        async (operations, said) => {
          const held = await holdRepo({ mechanism, repo: linked, ...said });
          try {
            await checkRules(held, operations, said);
          } finally {
            await held.close();
          }
        },
      ),
      { numRuns: Number(process.env.HANDRAIL_PROPERTY_RUNS ?? 15) },
    );
  }, 600_000);
});

async function checkRules(
  held: HeldRepo,
  operations: readonly string[],
  { rules, forbid, inspect }: { rules: Rule[]; forbid: string[]; inspect: string[] },
): Promise<void> {
  const { before, wanted, done, bare } = await runBoth(held, operations);
  const after = held.repo.manifest();
  const closed = (path: string) => [...forbid, ...inspect].some((one) => `${path}/`.startsWith(`${one}/`));
  const different = changed(before, after);
  expect(different.filter((path) => !isInScope(path) || closed(path))).toEqual([]);
  const files = (all: Manifest) => Object.keys(all).filter((path) => !path.endsWith("/"));
  if (rules.includes("no-delete")) expect(files(before).filter((path) => !after[path])).toEqual([]);
  if (rules.includes("no-new-files")) expect(files(after).filter((path) => !before[path])).toEqual([]);
  const folder = join(held.runDir, "quarantine/files");
  const kept = contents(folder);
  for (const path of changed(before, wanted)) {
    if (!wanted[path]?.startsWith("file") || after[path]?.split(" ")[2] === wanted[path]?.split(" ")[2])
      continue;
    const unchanged = before[path]?.split(" ")[2] === wanted[path]?.split(" ")[2];
    expect(unchanged || kept.includes(readFileSync(join(bare, path), "utf8")), path).toBe(true);
  }
  // What did not come in is told.
  const missing = changed(wanted, after).some((path) => isInScope(path) && wanted[path] !== before[path]);
  if (missing) expect(done.refused.length + done.conflicts.length).toBeGreaterThan(0);
}

async function runBoth(held: HeldRepo, operations: readonly string[]) {
  const { repo, sandbox } = held;
  const program = operations.map((one) => `{ ${one}; } 2>/dev/null`).join("\n");
  const bare = join(sandbox.dir, "bare");
  cpSync(repo.root, bare, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  execFileSync("bash", ["-c", `${program}\ntrue`], { cwd: bare });
  const before = repo.manifest();
  const done = await held.run(program);
  return { before, wanted: manifest(bare), done, bare };
}

async function check(held: HeldRepo, operations: readonly string[]): Promise<void> {
  const { before, wanted, done, bare } = await runBoth(held, operations);
  const after = held.repo.manifest();
  expect(changed(before, after).filter((path) => !isInScope(path))).toEqual([]);
  expect(done.conflicts).toEqual([]);
  // A link that leads out of the scope does not come in; what lies there instead is what was there.
  const led = Object.keys(wanted).filter((path) => leadsOut(path, wanted[path] ?? ""));
  for (const path of led) for (const all of [wanted, after]) delete all[path];
  expect(inScope(after)).toEqual(inScope(wanted));
  const folder = join(held.runDir, "quarantine/files");
  const kept = done.refused.length > 0 ? contents(folder) : [];
  for (const path of changed(before, wanted)) {
    if (isInScope(path) || !wanted[path]?.startsWith("file")) continue;
    const content = readFileSync(join(bare, path), "utf8");
    const unchanged = before[path]?.split(" ")[2] === wanted[path]?.split(" ")[2];
    expect(unchanged || kept.includes(content), path).toBe(true);
  }
}

function leadsOut(path: string, entry: string): boolean {
  return (
    entry.startsWith("link ") && !isInScope(posix.join(posix.dirname(path), entry.slice("link ".length)))
  );
}

function contents(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
