import { defineConfig } from "vitest/config";

/** The hosts killed at every point, one start each, and more than a thousand shell commands: `npm run test:long`. */
const LONG = ["test/real/faults.test.ts", "test/real/cases.test.ts"];

/** `unit`: no host program is started. `real`: drives the real opencode and claude binaries. */
export default defineConfig({
  test: {
    globalSetup: ["test/lab/leftovers.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/real/**"],
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "real",
          include: ["test/real/**/*.test.ts"],
          exclude: LONG,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          // Two host programs and a terminal on a shared machine: once more before it counts as a failure.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "long",
          include: LONG,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
