import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
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

async function check(held: HeldRepo, operations: readonly string[]): Promise<void> {
  const { repo, sandbox } = held;
  const program = operations.map((one) => `{ ${one}; } 2>/dev/null`).join("\n");
  const bare = join(sandbox.dir, "bare");
  cpSync(repo.root, bare, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  execFileSync("bash", ["-c", `${program}\ntrue`], { cwd: bare });
  const before = repo.manifest();
  const done = await held.run(program);
  const after = repo.manifest();
  expect(changed(before, after).filter((path) => !isInScope(path))).toEqual([]);
  expect(done.conflicts).toEqual([]);
  const wanted = manifest(bare);
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
