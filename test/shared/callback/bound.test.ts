import { expect, test } from "vitest";
import { boundPayload, MAX_PAYLOAD_BYTES } from "../../../shared/callback/bound.ts";
import { payloadSchema } from "../../../shared/callback/payload.ts";
import { samplePayload } from "./sample.ts";

const size = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const change = (n: number) => ({
  path: `src/ü${n}.ts`,
  status: "added",
  inScope: true,
  by: "executor" as const,
});

test("a payload that fits stays as it is", () => {
  const payload = samplePayload("c1");
  expect(boundPayload(payload)).toBe(payload);
});

test("a huge one is cut to size, still parses, and says what was cut and where it all is", () => {
  const payload = samplePayload("c1", {
    changes: Array.from({ length: 20_000 }, (_, n) => change(n)),
    validation: [{ command: "npm test", exitCode: 1, tail: `${"x".repeat(300_000)}the end` }],
  });
  const bounded = boundPayload(payload);
  expect(size(bounded)).toBeLessThan(256 * 1024);
  expect(payloadSchema.parse(bounded)).toEqual(bounded);
  expect(bounded.changes.length).toBeGreaterThan(500);
  expect(bounded.validation[0]?.tail).toMatch(/the end$/);
  expect(bounded.reasons.at(-1)).toMatch(/changes \(\d+ of 20000\).*handrail show r2026/);
});

test("texts alone can be too long, too", () => {
  const payload = samplePayload("c1", {
    error: { code: "x", message: "m".repeat(MAX_PAYLOAD_BYTES) },
    reasons: ["r".repeat(MAX_PAYLOAD_BYTES)],
  });
  const bounded = boundPayload(payload);
  expect(size(bounded)).toBeLessThan(10_000);
  expect(bounded.reasons.at(-1)).toMatch(/long texts/);
});
