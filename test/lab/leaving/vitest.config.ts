import { defineConfig } from "vitest/config";

/** For `test/lab/leftovers.test.ts`: one test that leaves behind what `LEAVES` says. */
export default defineConfig({
  test: { include: ["test/lab/leaving/leaves.ts"], globalSetup: ["test/lab/leftovers.ts"] },
});
