import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { workPlacesIn } from "../../../shared/confine/places.ts";
import type { Policy } from "../../../shared/confine/policy.ts";
import { watchLayer } from "../../../shared/confine/watch.ts";
import { closing } from "../../lab/cleanup.ts";
import { type HeldRepo, holdRepo, mechanisms } from "../../lab/held.ts";
import { until } from "../../lab/process.ts";

const MEBI = 1024 ** 2;
const WRITE = "head -c 256M /dev/zero > src/lib/large";
const DEEP = `python3 - <<'EOF'
import os
for _ in range(500):
    os.mkdir("dddddddddd")
    os.chdir("dddddddddd")
open("large", "wb").write(bytes(256 * 1024 * 1024))
EOF`;
const REPO = { files: { "src/lib/x.ts": "x\n" } };

function policyOf({ shell }: HeldRepo): Policy {
  if (!shell.policy) throw new Error("nothing holds this");
  return shell.policy;
}

describe.each(mechanisms)("%s", (mechanism) => {
  test.each([
    ["a large file", WRITE],
    ["a file that lies too deep to be found", DEEP],
  ])("a command that writes without end is ended, what it wrote is dealt with: %s", async (_, write) => {
    const held = closing(await holdRepo({ mechanism, repo: REPO }));
    const policy = policyOf(held);
    const running = held.run(`echo first > src/lib/first.ts\n${write}\nsleep 300`);
    await until("the command to begin", () => hasBegun(policy));
    const stop = watchLayer(policy, 16 * MEBI, 20);
    const done = await running.finally(stop);
    expect(done.code).not.toBe(0);
    expect(done.stderr).toContain("handrail: the command was ended because it wrote too much");
    expect(held.repo.read("src/lib/first.ts")).toBe("first\n");
    // The next one is not ended for it.
    expect(await held.run("echo next > src/lib/next.ts")).toMatchObject({ code: 0 });
    expect(existsSync(join(workPlacesIn(policy.work).layer, "full"))).toBe(false);
  });

  test("one that writes less goes on", async () => {
    const held = closing(await holdRepo({ mechanism, repo: REPO }));
    const stop = watchLayer(policyOf(held), 1024 * MEBI, 20);
    const done = await held.run(`${WRITE}; sleep 0.5; echo end`).finally(stop);
    expect(done).toMatchObject({ code: 0, stdout: "end\n", applied: ["src/lib/large"] });
  });
});

function hasBegun(policy: Policy): boolean {
  return existsSync(join(workPlacesIn(policy.work).top, "upper/src/lib/first.ts"));
}
