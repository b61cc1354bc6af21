import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HandrailError } from "../../../shared/errors.ts";
import { type Feature, partText, readPlan } from "../../../shared/task/plan.ts";
import { findFeature, findItem } from "../../../shared/task/plan-features.ts";
import { loadPlan, tickItem } from "../../../shared/task/plan-load.ts";
import { featureSpec, scopeText } from "../../../shared/task/plan-spec.ts";
import { kindsOf } from "./task.ts";

const CANON = `# Exec plan: Shop

Some words about the shop.

## Feature 1: Cart discount

### User story

As a shopper I want a discount, so that I buy more.

### Specification

1. \`discount(cart)\` takes 10 % off above 100.
2. Rounds to cents.

### Deliverable standard

- All scenarios pass.

### Test scenarios

| Given | Then |
|---|---|
| 100.00 | 100.00 |
| 200.00 | 180.00 |

### Files to modify

- src/cart.ts
- test/cart.test.ts

### Files to inspect only

- src/price.ts

### Checklist

- [ ] Function written
- [x] Tests written
  - [ ] edge cases

### Authority references

- docs/pricing.md

## Feature 2: Receipt

### User story

As a shopper I want a receipt.

### Checklist

- [ ] Receipt prints

## Authority references

- docs/style.md

## Out of scope

- src/legacy/
`;

const plan = (text: string, name = "docs/shop-plan.md") => readPlan(text, name);
const only = (text: string): Feature => {
  const { features, errors } = plan(text);
  expect(errors).toEqual([]);
  expect(features.map((feature) => feature.title)).toHaveLength(1);
  return features[0] as Feature;
};

describe("an exec plan in the canonical form", () => {
  test("gives its features with all their parts", () => {
    const { title, slug, features, errors, checklist } = plan(CANON);
    expect({ title, slug, errors, checklist }).toEqual({
      title: "Exec plan: Shop",
      slug: "shop-plan",
      errors: [],
      checklist: [],
    });
    expect(features.map(({ number, id, slug, title, line }) => [number, id, slug, title, line])).toEqual([
      [1, "1", "cart-discount", "Cart discount", 5],
      [2, "2", "receipt", "Receipt", 46],
    ]);
    const [cart, receipt] = features as [Feature, Feature];
    expect(partText(cart, "userStory")).toBe("As a shopper I want a discount, so that I buy more.");
    expect(partText(cart, "specification")).toBe(
      "1. `discount(cart)` takes 10 % off above 100.\n2. Rounds to cents.",
    );
    expect(partText(cart, "deliverableStandard")).toBe("- All scenarios pass.");
    expect(partText(cart, "testScenarios")).toContain("| 200.00 | 180.00 |");
    expect(partText(cart, "authorityReferences")).toBe("- docs/pricing.md\n\n- docs/style.md");
    expect(partText(receipt, "authorityReferences")).toBe("- docs/style.md");
    expect(partText(receipt, "specification")).toBe("");
    expect(
      cart.checklist.map(({ number, text, checked, line, depth }) => [number, text, checked, line, depth]),
    ).toEqual([
      [1, "Function written", false, 38, 0],
      [2, "Tests written", true, 39, 0],
      [3, "edge cases", false, 40, 1],
    ]);
    expect(receipt.checklist.map((item) => item.text)).toEqual(["Receipt prints"]);
  });

  test("a feature that names its files is a task; the plan stays the planner's", () => {
    const read = plan(CANON);
    const [cart, receipt] = read.features as [Feature, Feature];
    const place = {
      root: "/repo",
      kindOf: kindsOf(["src/cart.ts", "src/legacy/x.ts"]),
      planFile: "docs/shop-plan.md",
    };
    const spec = featureSpec(read, cart, place);
    expect(spec).toMatchObject({
      ok: true,
      source: "exec-plan",
      slug: "shop-plan-cart-discount",
      title: "Cart discount",
    });
    expect(spec.scope.allow).toEqual(["src/cart.ts", "test/cart.test.ts"]);
    expect(spec.scope.inspect).toEqual(["src/price.ts"]);
    expect(spec.scope.forbid).toEqual(expect.arrayContaining(["docs/shop-plan.md"]));
    expect(spec.scope.forbid.some((pattern) => pattern.startsWith("src/legacy"))).toBe(true);
    const none = featureSpec(read, receipt, place);
    expect(none).toMatchObject({ ok: false, scope: { allow: [] } });
    expect(none.errors).toEqual([{ line: 46, message: expect.stringContaining("Files to modify") }]);
    expect(scopeText(read, receipt).text).toBe("");
  });

  test("errors of the scope have the plan's lines", () => {
    const read = plan(CANON.replace("- src/cart.ts", "- **"));
    const spec = featureSpec(read, read.features[0] as Feature, { root: "/repo", kindOf: () => undefined });
    expect(spec.ok).toBe(false);
    expect(spec.errors[0]?.line).toBe(29);
  });
});

describe("the styles that people write", () => {
  const expected = (feature: Feature) => {
    expect(partText(feature, "userStory")).toMatch(/^As a shopper/);
    expect(partText(feature, "specification")).toContain("ten percent");
    expect(partText(feature, "deliverableStandard")).toContain("All tests pass");
    expect(partText(feature, "testScenarios")).toContain("200");
    expect(partText(feature, "authorityReferences")).toContain("docs/pricing.md");
    expect(feature.checklist.map((item) => item.text)).toEqual(["Write it", "Test it"]);
    expect(partText(feature, "specification")).not.toMatch(/As a shopper|Write it/);
  };

  test.each<[string, string]>([
    [
      "deeper headings and synonyms",
      "# Plan\n## Features\n### Discounts\n#### Story\nAs a shopper I want less.\n#### Requirements\nten percent off\n#### Acceptance criteria\n- All tests pass\n#### Test cases\n- 200 -> 180\n#### Tasks\n- [ ] Write it\n- [ ] Test it\n#### References\n- docs/pricing.md\n",
    ],
    [
      "bold lines",
      "# Discounts\n\n**User story**\n\nAs a shopper I want less.\n\n**Specification:**\n\nten percent off\n\n**Definition of done:**\n\nAll tests pass.\n\n**Test scenarios**\n\n200 gives 180\n\n**Checklist**\n\n* [ ] Write it\n* [ ] Test it\n\n**Authority references**\n\ndocs/pricing.md\n",
    ],
    [
      "labels in running text",
      "# Discounts\n\n**User story:** As a shopper I want less.\n**Specification:** ten percent off\n\nDeliverable standard: All tests pass.\n\nTest scenarios: 200 gives 180\n\nAuthority references: docs/pricing.md\n\nChecklist:\n\n1. [ ] Write it\n2. [ ] Test it\n",
    ],
    [
      "nested lists",
      "# Plan\n\n- Feature 1: Discounts\n  - User story: As a shopper I want less.\n  - **Specification**:\n    - ten percent off\n    - rounded\n  - Deliverable standard: All tests pass\n  - Test scenarios:\n    - 200 gives 180\n  - Authority references: docs/pricing.md\n  - Checklist:\n    - [ ] Write it\n    - [ ] Test it\n",
    ],
    [
      "a table of parts",
      "# Discounts\n\n| Part | What |\n|---|---|\n| User story | As a shopper I want less. |\n| **Specification** | ten percent off |\n| Deliverable standard | All tests pass |\n| Test scenarios | 200 gives 180 |\n| Authority references | docs/pricing.md |\n\n## Checklist\n\n| Done | Item |\n|---|---|\n| [ ] | Write it |\n| [ ] | Test it |\n",
    ],
    [
      "setext headings, CRLF and front matter",
      "---\ntitle: Plan\ntags: [a]\n---\nDiscounts\n=========\n\nUser Story\n----------\nAs a shopper I want less.\n\nSpecification\n-------------\nten percent off\n\nDeliverable Standard\n--------------------\nAll tests pass\n\nTest Scenarios\n--------------\n200 gives 180\n\nAuthority References\n--------------------\ndocs/pricing.md\n\nChecklist\n---------\n- [ ] Write it\n- [ ] Test it\n".replaceAll(
        "\n",
        "\r\n",
      ),
    ],
    [
      "numbered and decorated headings",
      "# 🛒 Discounts\n## 1. User story\nAs a shopper I want less.\n## 2. Specification (draft)\nten percent off\n## 3) Deliverable standard:\nAll tests pass\n## 4. Test scenarios\n200\n## 5. Authority references\ndocs/pricing.md\n## 6. ✅ Checklist\n+ [ ] Write it\n+ [ ] Test it\n",
    ],
    [
      "a story in its heading, and a byte order mark",
      "\ufeff# Discounts\n\n## User story: As a shopper I want less.\n\n## Spec\n\nten percent off\n\n### Detail\n\nrounded\n\n## Deliverable standard\n\nAll tests pass\n\n## Tests\n\n200\n\n## Sources\n\ndocs/pricing.md\n\n## To-do\n\n- [ ] Write it\n- [ ] Test it\n",
    ],
  ])("%s", (_name, text) => {
    const feature = only(text);
    expect(feature.title).toMatch(/^Discounts$/);
    expected(feature);
  });

  test("several features without the word feature: the headings that own parts", () => {
    const { features } = plan(
      "# Plan\n## Background\nold\n## Cart\n### Specification\na\n### Notes\nb\n## Receipt\n### Specification\nc\n## References\n- d\n",
    );
    expect(features.map((feature) => feature.title)).toEqual(["Cart", "Receipt"]);
    expect(partText(features[0] as Feature, "specification")).toBe("a\n\n### Notes\nb");
    expect(partText(features[1] as Feature, "authorityReferences")).toBe("- d");
  });

  test("ids, and milestones that hold features", () => {
    const { features } = plan(
      "# P\n## Milestone 1: Base\n### F1: Cart\nWhat it does.\n### [F2] Receipt\nMore.\n## Milestone 2\n### F3 Mail\n",
    );
    expect(features.map(({ id, title }) => [id, title])).toEqual([
      ["F1", "Cart"],
      ["F2", "Receipt"],
      ["F3", "Mail"],
    ]);
    expect(partText(features[0] as Feature, "specification")).toBe("What it does.");
  });

  test("the same title twice has two slugs", () => {
    const { features } = plan("## Feature 1: Cart\na\n## Feature 2: Cart\nb\n");
    expect(features.map((feature) => feature.slug)).toEqual(["cart", "cart-2"]);
  });

  test("boxes in code, quotations and comments are none", () => {
    const feature = only(
      "# A\n## Specification\nx\n## Checklist\n```\n- [ ] no\n```\n<!--\n- [ ] no\n-->\n- [ ] yes\n",
    );
    expect(feature.checklist.map((item) => item.text)).toEqual(["yes"]);
  });

  test("without features it says what one looks like", () => {
    expect(plan("").errors).toEqual([{ message: "the plan is empty" }]);
    expect(plan("# Notes\n\nhello\n").errors[0]?.message).toContain("### Specification");
  });
});

describe("finding a feature and an item", () => {
  const read = plan(CANON);
  test.each([
    ["1", 1],
    ["cart-discount", 1],
    ["Receipt", 2],
    ["rece", 2],
    ["CART DISCOUNT", 1],
  ])("%s", (name, number) => {
    expect(findFeature(read, name, "p.md").number).toBe(number);
  });
  test("none, several, and no name where there are several", () => {
    const code = (name?: string) => {
      try {
        return findFeature(read, name, "p.md").slug;
      } catch (error) {
        return error instanceof HandrailError ? [error.code, error.message] : error;
      }
    };
    expect(code("x y z")).toEqual(["not-found", expect.stringContaining("1 cart-discount, 2 receipt")]);
    expect(code("c")).toEqual(["bad-usage", expect.stringContaining("several")]);
    expect(code()).toEqual(["bad-usage", expect.stringContaining("2 features")]);
  });
  test("items by number, text and words", () => {
    const items = read.features[0]?.checklist ?? [];
    expect(findItem(items, "2", "p").text).toBe("Tests written");
    expect(findItem(items, "edge", "p").number).toBe(3);
    expect(() => findItem(items, "written", "p")).toThrow(/items 1, 2/);
    expect(() => findItem(items, "9", "p")).toThrow(/no checklist item/);
    expect(() => findItem([], "1", "p")).toThrow(/no checklist item/);
  });
});

describe("ticking", () => {
  let root = "";
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "handrail-plan-")));
    mkdirSync(join(root, "docs"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const write = (text: string | Buffer) => writeFileSync(join(root, "docs/p.md"), text, { mode: 0o640 });

  test.each([
    ["plain", CANON],
    [
      "CRLF, BOM, tabs and wide characters",
      `\ufeff${CANON.replaceAll("\n", "\r\n").replace("Some words", "Größe 🛒 日本").replace("- [ ] Function", "-\t[ ] Function")}`,
    ],
  ])("writes one byte and nothing else: %s", (_name, text) => {
    write(text);
    const before = readFileSync(join(root, "docs/p.md"));
    const inode = statSync(join(root, "docs/p.md")).ino;
    const loaded = loadPlan("docs/p.md", root);
    const item = findItem(loaded.plan.features[0]?.checklist ?? [], "Function written", "p");
    expect(tickItem(loaded, root, item, true)).toBe(true);
    const after = readFileSync(join(root, "docs/p.md"));
    const differing = [...after.keys()].filter((at) => after[at] !== before[at]);
    expect(after.length).toBe(before.length);
    expect(differing).toHaveLength(1);
    expect(after.toString()).toBe(text.replace(/\[ \] Function/, "[x] Function"));
    expect(statSync(join(root, "docs/p.md"))).toMatchObject({ ino: inode });
    // and back, and a second time changes nothing
    const again = loadPlan("docs/p.md", root);
    const ticked = findItem(again.plan.features[0]?.checklist ?? [], "1", "p");
    expect(tickItem(again, root, ticked, true)).toBe(false);
    expect(tickItem(again, root, ticked, false)).toBe(true);
    expect(readFileSync(join(root, "docs/p.md"))).toEqual(before);
  });

  test("refuses when the file was changed after it was read", () => {
    write(CANON);
    const loaded = loadPlan("docs/p.md", root);
    write(`x${CANON}`);
    const item = findItem(loaded.plan.features[0]?.checklist ?? [], "1", "p");
    expect(() => tickItem(loaded, root, item, true)).toThrow(/changed while/);
    expect(readFileSync(join(root, "docs/p.md"), "utf8")).toBe(`x${CANON}`);
  });

  test("no plan is read from what is no text", () => {
    write(Buffer.from([0x23, 0xff, 0xfe]));
    expect(() => loadPlan("docs/p.md", root)).toThrow(/UTF-8/);
    expect(() => loadPlan("docs", root)).toThrow(/folder/);
    expect(() => loadPlan("missing.md", root)).toThrow(/no such file/);
  });

  test("every box of any plan: one character, found again as ticked", () => {
    const line = fc.constantFrom(
      "# A",
      "## Feature 1: x",
      "### Checklist",
      "- [ ] a",
      "  - [x] b",
      "* [ ] c",
      "1. [ ] d",
      "\t- [ ] e",
      "> - [ ] q",
      "| [ ] | t |",
      "text",
      "",
      "```",
      "- x",
      "**Checklist**",
      "    - [ ] deep",
      "- [ ]",
      "-  [ ]  f",
      "Setext",
      "---",
      "===",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 25 }), fc.constantFrom("\n", "\r\n"), (lines, end) => {
        const text = lines.join(end);
        const read = readPlan(text, "p.md");
        const boxes = [...read.checklist, ...read.features.flatMap((feature) => feature.checklist)];
        for (const box of boxes) {
          expect(text[box.offset]).toBe(box.checked ? "x" : " ");
          expect([text[box.offset - 1], text[box.offset + 1]]).toEqual(["[", "]"]);
          const ticked = `${text.slice(0, box.offset)}${box.checked ? " " : "x"}${text.slice(box.offset + 1)}`;
          const again = readPlan(ticked, "p.md");
          const same = [...again.checklist, ...again.features.flatMap((f) => f.checklist)].find(
            (b) => b.offset === box.offset,
          );
          expect(same?.checked).toBe(!box.checked);
          expect(same?.text).toBe(box.text);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("hostile plans", () => {
  test.each([
    ["a line too long", `# A\n${"x".repeat(9000)}`, 2],
    ["quotes in quotes", `# A\n${"> ".repeat(2000)}x`, 2],
    ["lists in lists", `# A\n${"- ".repeat(2000)}x`, 2],
  ])("%s is refused with its line", (_name, text, line) => {
    expect(plan(text).errors[0]?.line).toBe(line);
  });
  test("too many lines", () => {
    expect(plan("\n".repeat(30_000)).errors[0]?.message).toContain("divide");
  });
  test("any text is read without an exception", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), (text) => {
        readPlan(text, "p.md");
      }),
      { numRuns: 300 },
    );
  });
});
