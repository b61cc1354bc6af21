import { expect, test } from "vitest";
import { canCheck, missingEvidence } from "../../../shared/task/evidence.ts";

const NOTHING = { ran: [], changed: [] };

test.each([
  ["test evidence", { ran: ["npm test"], changed: [] }, "no validation command ran"],
  ["changed files", { ran: [], changed: ["a"] }, "no file was changed"],
  ["the diff", { ran: [], changed: ["a"] }, "no file was changed"],
  ["build log", { ran: ["npm run build"], changed: [] }, "no build command ran"],
  ["lint result", { ran: ["npx biome check"], changed: [] }, "no lint or type check command ran"],
])("%s is missed where it is not there, and only there", (item, there, why) => {
  expect(missingEvidence([item], NOTHING)).toEqual({ missing: [`${item}: ${why}`], unchecked: [] });
  expect(missingEvidence([item], there)).toEqual({ missing: [], unchecked: [] });
});

test("what Handrail cannot see is said, and not counted as missing", () => {
  expect(canCheck("screenshots of the page")).toBe(false);
  expect(missingEvidence(["screenshots of the page"], NOTHING)).toEqual({
    missing: [],
    unchecked: ["screenshots of the page"],
  });
});
