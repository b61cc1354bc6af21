import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type PatchReading, readPatch } from "../../shared/scope/patch.ts";
import { closing } from "../lab/cleanup.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { type Manifest, makeRepo, manifest } from "../lab/repo.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, type Step, text } from "../lab/script.ts";

// The guard goes by what it reads in a patch; OpenCode's own apply_patch reads it again. Both on the same patches.

const FILES = { a: "a\n", b: "b1\nb2\nb3\n", "d/c": "c\n", "d/e f": "e\n" };
const RANDOM = 30;

const patch = (...lines: string[]) => ["*** Begin Patch", ...lines, "*** End Patch"].join("\n");

const CHOSEN = [
  patch("*** Add File: new/deep/n", "+x"),
  patch("*** Add File: a", "+replaced"),
  patch("*** Update File: a", "@@", "-a", "+z"),
  patch("*** Update File: b", "@@", " b1", "-b2", "+z", " b3"),
  patch("*** Update File: b", "*** Move to: moved/b", "@@", "-b1", "+z"),
  patch("*** Update File: a", "*** Move to: b", "@@", "-a", "+z"),
  patch("*** Delete File: a"),
  patch("*** Delete File:   d/e f  "),
  patch("*** Delete File:a"),
  patch("*** Add File: n", "+1", "*** Delete File: a", "*** Update File: b", "@@", "-b3", "+z"),
  patch("*** Update File: a", "@@", "-a", "+z").replaceAll("\n", "\r\n"),
  `  *** Begin Patch  \n*** Delete File: a\n  *** End Patch`,
  `cat <<'EOF'\n${patch("*** Delete File: a")}\nEOF`,
  `<<PATCH\n${patch("*** Delete File: a")}\nPATCH\n`,
  `Here it is:\n${patch("*** Delete File: a")}\nDone.`,
  patch("*** Update File: b", "@@", "-b3", "+z", "*** End of File"),
  patch("*** Add File: n", "+*** Delete File: b"),
  patch("*** Update File: a", "@@", "-a", "+*** Delete File: b"),
  patch("*** Add File: d/../n", "+x"),
  patch("*** Update File: ./a", "@@", "-a", "+z"),
  patch("*** Delete File: a", "*** Add File: a", "+x"),
  patch("*** Delete File: none", "*** Delete File: a"),
];

const name = fc.constantFrom("a", "b", "d/c", "d/e f", "n", "x/y", "./a", "d/../b", " b", "a\t");
const section = fc.oneof(
  fc
    .tuple(name, fc.constantFrom("+x", "+*** Delete File: a", ""))
    .map(([at, line]) => [`*** Add File: ${at}`, line]),
  name.map((at) => [`*** Delete File: ${at}`]),
  fc
    .tuple(fc.constantFrom("a", "b", "d/c", "./a"), fc.option(name), fc.constantFrom("@@", "@@ b1", ""))
    .map(([at, to, context]) => {
      const first = at === "b" ? "b1" : at === "d/c" ? "c" : "a";
      return [`*** Update File: ${at}`, ...(to ? [`*** Move to: ${to}`] : []), context, `-${first}`, "+z"];
    }),
);
const random = fc.array(section, { minLength: 1, maxLength: 3 }).map((parts) => patch(...parts.flat()));

test("what the guard reads in a patch is what OpenCode's apply_patch does with it", async () => {
  const sandbox = closing(makeSandbox());
  const repo = makeRepo(join(sandbox.dir, "repo"), { files: FILES });
  const patches = [...CHOSEN, ...new Set(fc.sample(random, { seed: 20261121, numRuns: RANDOM }))];
  const seen: { patch: string; before: Manifest; after: Manifest; said: string }[] = [];
  let before = readTree(repo.root);
  const model = closing(
    await startOpenAiServer((request): Step => {
      const number = request.step - 1;
      if (number >= 0) {
        const said = request.messages.at(-1)?.toolResults.at(-1) ?? "";
        seen.push({ patch: patches[number] ?? "", before, after: readTree(repo.root), said });
        lay(repo.root);
        before = readTree(repo.root);
      }
      const next = patches[number + 1];
      return next === undefined ? text("Done.") : call("apply_patch", { patchText: next });
    }),
  );
  const opencode = setUpOpencode({ sandbox, modelUrl: model.url, modelId: "gpt-5-lab" });
  await opencode.run(repo.root, ["run", "Go"], { timeout: 280_000 });
  expect(seen.length).toBe(patches.length);
  const done = seen.filter((one) => changedIn(one).length > 0);
  // Enough of them did something for the comparison to say something.
  expect(done.length).toBeGreaterThan(patches.length / 3);
  expect(seen.flatMap((one) => differences(readPatch(one.patch), one))).toEqual([]);
}, 300_000);

type Seen = { patch: string; before: Manifest; after: Manifest; said: string };

function readTree(root: string): Manifest {
  return Object.fromEntries(Object.entries(manifest(root)).filter(([path]) => !/^\.git |\/$/.test(path)));
}

function lay(root: string): void {
  for (const name of readdirSync(root).filter((one) => one !== ".git")) {
    rmSync(join(root, name), { recursive: true });
  }
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function changedIn({ before, after }: Seen): string[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return paths.filter((path) => before[path] !== after[path]);
}

/** What OpenCode changed and the guard did not read, each a sentence. */
function differences(reading: PatchReading, seen: Seen): string[] {
  // The guard refuses what it cannot read: then OpenCode may do what it likes.
  if (!reading.ok) return [];
  const clean = (path: string) => join(path.trim());
  const may = new Map<string, Set<string>>();
  const add = (path: string, act: string) =>
    may.set(clean(path), (may.get(clean(path)) ?? new Set()).add(act));
  for (const change of reading.changes) {
    if (change.op === "move") {
      add(change.path, "delete");
      add(change.to, "write");
    } else add(change.path, change.op === "delete" ? "delete" : "write");
  }
  return changedIn(seen).flatMap((path) => {
    const act = path in seen.after ? "write" : "delete";
    if (may.get(path)?.has(act)) return [];
    return [`${JSON.stringify(seen.patch)}: OpenCode did ${act} ${path}, which was not read`];
  });
}
