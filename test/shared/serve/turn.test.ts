import { expect, test } from "vitest";
import { readOnlySpec } from "../../../shared/serve/turn.ts";

test("read-only sessions are tasks of their own, also when they began in the same moment", () => {
  const one = readOnlySpec("ses_e004514d7ffe5PUGv4hiRahACO");
  const other = readOnlySpec("ses_e004514d6ffe7Qb1w9ZkTyLmNp");
  expect(one.slug).not.toBe(other.slug);
  for (const { slug, scope } of [one, other]) {
    expect(slug).toMatch(/^read-only-[a-z0-9]{8}$/);
    expect(scope.allow).toEqual([]);
  }
});
