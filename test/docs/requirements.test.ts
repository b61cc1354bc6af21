import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const text = readFileSync(join(root, "docs/requirements.md"), "utf8");

const HEADER = "# | rule | where it lives | how it is tested | status";
/** How many rules each text has: the texts are given, so these change only with them. */
const RULES = { E: 45, O: 305, T: 133 };
const STATUS = /^(?:done|outside)$/;
/** A path of this repository: one of its source folders, and more. */
const PATH = /(?<![\w./-])(?:opencode-plugin|claude-hooks|shared|test|docs|\.ci)\/[\w./-]*[\w/]/g;
const TEST_FILE = /(?<![\w./-])test\/[\w./-]+\.test\.ts/g;

interface Row {
  id: string;
  rule: string;
  where: string;
  tested: string;
  status: string;
}

test("every row is complete and has a known status", () => {
  const odd = rows().filter(
    (row) => !/^[EOT]\d+$/.test(row.id) || !row.rule || !row.where || !row.tested || !STATUS.test(row.status),
  );
  expect(odd).toEqual([]);
});

test("ids are unique and consecutive, and no rule is missing", () => {
  const wanted = Object.entries(RULES).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
  );
  expect(rows().map((row) => row.id)).toEqual(wanted);
});

test("every path that is named exists", () => {
  const named = [...new Set(text.match(PATH))];
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("what is said to be done names the test that holds it", () => {
  const unheld = rows().filter(
    ({ status, tested }) => status === "done" && (tested.match(TEST_FILE) ?? []).length === 0,
  );
  expect(unheld).toEqual([]);
});

/** The rows of every requirement table; a row with a cell too many or too few becomes an odd one. */
function rows(): Row[] {
  const found: Row[] = [];
  let inside = false;
  for (const line of text.split("\n")) {
    const cells = line.startsWith("|") ? line.split(/(?<!\\)\|/).slice(1, -1) : [];
    if (cells.length === 0) inside = false;
    else if (cells.map((cell) => cell.trim()).join(" | ") === HEADER) inside = true;
    else if (inside && !/^[\s|-]+$/.test(line)) {
      const [id = "", rule = "", where = "", tested = "", status = "", ...more] = cells.map((c) => c.trim());
      found.push({ id, rule, where, tested, status: more.length > 0 ? "too many cells" : status });
    }
  }
  return found;
}
