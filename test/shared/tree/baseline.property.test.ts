import { rmSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { captureBaseline } from "../../../shared/tree/baseline.ts";
import { contribution } from "../../../shared/tree/diff.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { everything, place } from "./fixture.ts";
import { act, START, step } from "./steps.ts";

test("whatever was done before, a capture changes nothing and both diffs are empty", async () => {
  const here = place();
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (earlier) => {
      const repo = here.repo(START, `repo-${number++}`);
      for (const one of earlier) act(repo, one);
      const before = everything(repo.root);
      const tree = await openRepository(repo.root);
      const { baseline, notes } = await captureBaseline(tree, { slug: "x" });
      expect(everything(repo.root)).toEqual(before);
      expect(notes).toEqual([]);
      expect(repo.git("diff", baseline)).toBe("");
      expect((await contribution(tree, "x")).files).toEqual([]);
      rmSync(repo.root, { recursive: true });
      rmSync(here.state, { recursive: true });
    }),
    { numRuns: Number(process.env.HANDRAIL_PROPERTY_RUNS ?? 15) },
  );
});
