import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ROUNDS, workPlacesIn } from "../../../shared/confine/places.ts";
import { closing } from "../../lab/cleanup.ts";
import { holdRepo, mechanisms } from "../../lab/held.ts";

// bubblewrap's own overlays wait for the disk: they know no such option.
const volatile = mechanisms.filter((one) => one !== "bwrap-overlay");

describe.each(volatile)("%s", (mechanism) => {
  test("no overlay's end waits for the disk; work folders are cleared when all have been used", async () => {
    const held = closing(await holdRepo({ mechanism }));
    const overlays = await held.run(
      "grep -c ' overlay handrail ' /proc/self/mountinfo; grep ' overlay handrail ' /proc/self/mountinfo | grep -vc volatile",
    );
    expect(overlays.stdout.split("\n").map(Number)).toEqual([expect.any(Number), 0, 0]);
    expect(Number.parseInt(overlays.stdout, 10)).toBeGreaterThan(0);
    await held.run("echo -1 > src/a.ts");
    for (let round = 0; round < ROUNDS + 1; round++) {
      const done = await held.run(`cat src/a.ts; echo ${round} > src/a.ts; echo x > "$TMPDIR/${round}"`);
      expect(done).toMatchObject({ code: 0, stdout: `${round - 1}\n`, stderr: "" });
    }
    expect((await held.run('ls "$TMPDIR" | wc -l')).stdout.trim()).toBe(`${ROUNDS + 1}`);
  });

  test("a count that was lost, on a full disk, is begun anew", async () => {
    const held = closing(await holdRepo({ mechanism }));
    for (const count of ["", "x\n", "-1\n", "99999999999999999999\n"]) {
      writeFileSync(workPlacesIn(held.shell.policy?.work ?? "").round, count);
      expect(await held.run("echo n")).toMatchObject({ code: 0, stdout: "n\n", stderr: "" });
    }
  });
});
