import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { FAULT_POINTS } from "../../shared/fault.ts";
import { type FaultLab, killedAt, openFaultLab, type Row, table } from "../lab/faults.ts";

/** `HANDRAIL_FAULT_ROUNDS=50 npx vitest run test/shared/fault.test.ts` for more. */
const ROUNDS = Number(process.env.HANDRAIL_FAULT_ROUNDS ?? 2);

let lab: FaultLab;
const rows: Row[] = [];
beforeAll(async () => {
  lab = await openFaultLab();
  vi.stubEnv("HANDRAIL_STATE_DIR", lab.sandbox.state);
}, 60_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  console.log(table(rows));
  await lab.close();
});

let nth = 0;

test.each(Object.values(FAULT_POINTS).flat())(
  "killed at %s: the callback comes once, to the gateway and to the conversation",
  async (point) => {
    const row: Row = { point, killed: 0, sent: 0, lost: 0, doubled: 0 };
    rows.push(row);
    for (let round = 0; round < ROUNDS; round++) {
      const counted = await killedAt(lab, point, nth++, round % 2 === 0);
      for (const field of ["killed", "sent", "lost", "doubled"] as const) row[field] += counted[field];
    }
    expect(row).toEqual({ point, killed: ROUNDS, sent: ROUNDS, lost: 0, doubled: 0 });
  },
  60_000 + ROUNDS * 20_000,
);
