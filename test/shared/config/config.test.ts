import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CONFIG_FILE, loadConfig } from "../../../shared/config/config.ts";
import { place } from "../tree/fixture.ts";

function load(config: object) {
  const { root } = place().repo();
  writeFileSync(join(root, CONFIG_FILE), JSON.stringify(config));
  return loadConfig(root);
}

test.each([
  [{ driftRefusals: 0 }, '"driftRefusals" must be at least 1'],
  [{ leases: { confirmMinutes: 0 } }, '"leases.confirmMinutes" must be more than 0'],
  [{ validateMinutes: "ten" }, '"validateMinutes" must be a number'],
  [{ language: "de" }, '"language" must be "en" or "vi"'],
])("%o is refused, with the field and what it may be", (config, message) => {
  expect(() => load(config)).toThrow(message);
});

test("what is set counts, and the rest is as without the file", () => {
  expect(load({ driftRefusals: 1, leases: { waitMinutes: 0 } })).toMatchObject({
    driftRefusals: 1,
    leases: { waitMinutes: 0, confirmMinutes: 1440 },
    validateMinutes: 10,
    language: "en",
  });
});
