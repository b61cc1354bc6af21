import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { changesSince } from "../../../shared/tree/changes.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { takeSnapshot } from "../../../shared/tree/snapshot.ts";
import { place } from "./fixture.ts";
import { act, manifest, START, step } from "./steps.ts";

test("changesSince finds what a comparison of full manifests finds, whatever was done before and since", async () => {
  const here = place();
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.array(step, { maxLength: 12 }),
      async (earlier, later) => {
        const name = `repo-${number++}`;
        const repo = here.repo(START, name);
        for (const one of earlier) act(repo, one);
        const snapshot = await takeSnapshot(await openRepository(repo.root), join(here.state, name), {
          scratch: [],
          allow: [],
        });
        expect((await changesSince(snapshot)).changes).toEqual([]);
        const before = manifest(repo.root);
        for (const one of later) act(repo, one);
        const after = manifest(repo.root);
        const differing = [...new Set([...before.keys(), ...after.keys()])]
          .filter((path) => before.get(path) !== after.get(path))
          .sort();
        const { changes } = await changesSince(snapshot);
        expect(changes.map((change) => change.path)).toEqual(differing);
        for (const change of changes) {
          expect([before.has(change.path), after.has(change.path)]).toEqual([
            change.before !== undefined,
            change.after !== undefined,
          ]);
        }
        rmSync(repo.root, { recursive: true });
        rmSync(join(here.state, name), { recursive: true });
      },
    ),
    { numRuns: Number(process.env.HANDRAIL_PROPERTY_RUNS ?? 30) },
  );
});
