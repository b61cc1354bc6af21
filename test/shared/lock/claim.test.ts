import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { claim, claimHolder } from "../../../shared/lock/claim.ts";

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "handrail-claim-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("one holder at a time, and the next one after it lets go", () => {
  const dir = join(folder(), "place");
  const first = claim(dir, "a", () => true);
  expect(first.ok).toBe(true);
  expect(claim(dir, "b", () => true)).toEqual({ ok: false, holder: "a" });
  expect(claimHolder(dir)).toBe("a");
  if (first.ok) first.release();
  expect(claimHolder(dir)).toBeUndefined();
  expect(claim(dir, "b", () => true).ok).toBe(true);
  expect(claimHolder(dir)).toBe("b");
});

test("the holder may claim again; a dead holder is succeeded, and its late release frees nobody", () => {
  const dir = join(folder(), "place");
  const dead = claim(dir, "dead", () => true);
  expect(claim(dir, "dead", () => true).ok).toBe(true);
  expect(claim(dir, "heir", (holder) => holder !== "dead").ok).toBe(true);
  if (dead.ok) dead.release();
  expect(claimHolder(dir)).toBe("heir");
});

test("a torn claim file holds nothing", () => {
  const dir = join(folder(), "place");
  claim(dir, "a", () => true);
  writeFileSync(join(dir, "2"), '{"hol');
  expect(claim(dir, "b", () => true).ok).toBe(true);
});

test("processes that race for it never hold it together", async () => {
  const dir = folder();
  const script = join(dir, "race.mjs");
  await build({
    stdin: {
      contents: `
        import { closeSync, openSync, appendFileSync, rmSync } from "node:fs";
        import { claim } from "./shared/lock/claim.ts";
        const [place, guard, log, name] = process.argv.slice(2);
        for (let won = 0; won < 15; ) {
          const got = claim(place, name + "-" + won, () => true);
          if (!got.ok) { await new Promise((r) => setTimeout(r, 1)); continue; }
          won++;
          closeSync(openSync(guard, "wx")); // EEXIST: somebody else is inside
          appendFileSync(log, name + "\\n");
          rmSync(guard);
          got.release();
        }`,
      resolveDir: process.cwd(),
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: script,
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  const log = join(dir, "log");
  const codes = await Promise.all(
    ["a", "b", "c", "d"].map(
      (name) =>
        new Promise<number | null>((resolve) => {
          fork(script, [join(dir, "place"), join(dir, "guard"), log, name]).on("exit", resolve);
        }),
    ),
  );
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(readFileSync(log, "utf8").split("\n").filter(Boolean)).toHaveLength(60);
});
