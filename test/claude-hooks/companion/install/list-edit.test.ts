import fc from "fast-check";
import { findNodeAtLocation, type Node, parse, parseTree } from "jsonc-parser";
import { describe, expect, test } from "vitest";
import { insertItem, removeItem } from "../../../../claude-hooks/companion/install/list-edit.ts";

const ITEM = '"file:///x.js"';

function at(text: string, path: string[]): Node {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const node = root && (path.length === 0 ? root : findNodeAtLocation(root, path));
  if (!node) throw new Error(`nothing at ${path.join(".")} in ${text}`);
  return node;
}

/** Adds the item to `plugin`, where there is one, else the property; and takes it out again. */
function thereAndBack(text: string): { after: string; back: string } {
  const path = parse(text)?.plugin ? ["plugin"] : [];
  const after = insertItem(text, at(text, path), path.length ? ITEM : `"plugin": [${ITEM}]`);
  const list = at(after, path);
  return { after, back: removeItem(after, list, (list.children?.length ?? 0) - 1) };
}

describe("an item is added without touching anything else, and taken out again", () => {
  test.each([
    ["{}", '{\n  "plugin": ["file:///x.js"]\n}'],
    ['{ "a": 1 }', '{ "a": 1, "plugin": ["file:///x.js"] }'],
    ['{"a":1,}', '{"a":1, "plugin": ["file:///x.js"],}'],
    ['{\n  "a": 1 // note\n}\n', '{\n  "a": 1, // note\n  "plugin": ["file:///x.js"]\n}\n'],
    ['{\n\t"a": 1, /* b */ // c\n}\n', '{\n\t"a": 1, /* b */ // c\n\t"plugin": ["file:///x.js"],\n}\n'],
    ["{\n  // nothing yet\n}\n", '{\n  "plugin": ["file:///x.js"]\n  // nothing yet\n}\n'],
    ['{\r\n    "plugin": []\r\n}\r\n', '{\r\n    "plugin": ["file:///x.js"]\r\n}\r\n'],
    ['{"plugin":[ ]}', '{"plugin":[ "file:///x.js" ]}'],
    ['{"plugin":["a"]}', '{"plugin":["a", "file:///x.js"]}'],
    ['{"plugin":["a", ]}', '{"plugin":["a", "file:///x.js", ]}'],
    ['{"plugin":[["a",{"x":1}]]}', '{"plugin":[["a",{"x":1}], "file:///x.js"]}'],
    ['{\n  "plugin": [\n    // none\n  ]\n}', '{\n  "plugin": [\n    "file:///x.js"\n    // none\n  ]\n}'],
    [
      '{\r\n\t"plugin": [\r\n\t\t"a", // x\r\n\t\t"b" // y, z\r\n\t]\r\n}',
      '{\r\n\t"plugin": [\r\n\t\t"a", // x\r\n\t\t"b", // y, z\r\n\t\t"file:///x.js"\r\n\t]\r\n}',
    ],
    [
      '{\n  "plugin": [\n    ["a", {\n      "x": 1\n    }],\n  ],\n}',
      '{\n  "plugin": [\n    ["a", {\n      "x": 1\n    }],\n    "file:///x.js",\n  ],\n}',
    ],
    ['{\n"plugin" :[   "x"  ,"y" ]  }', '{\n"plugin" :[   "x"  ,"y", "file:///x.js" ]  }'],
    ['{"plugin": [\n  "a"\n  , "b"\n]}', '{"plugin": [\n  "a"\n  , "b", "file:///x.js"\n]}'],
  ])("%j", (before, expected) => {
    const { after, back } = thereAndBack(before);
    expect(after).toBe(expected);
    expect(back).toBe(before === "{}" ? "{\n}" : before);
  });
});

test("an item in the middle goes with its line, and its neighbours stay", () => {
  const text = '{\n  "plugin": [\n    "a", // one\n    "b",\n    "c" // three\n  ]\n}';
  expect(removeItem(text, at(text, ["plugin"]), 1)).toBe(
    '{\n  "plugin": [\n    "a", // one\n    "c" // three\n  ]\n}',
  );
  const inline = '["a", "b", "c"]';
  expect(removeItem(inline, at(inline, []), 0)).toBe('["b", "c"]');
  expect(removeItem(inline, at(inline, []), 1)).toBe('["a", "c"]');
  const commented = '[\n  "a", // keep me\n  "b" // and me\n]';
  expect(parse(removeItem(commented, at(commented, []), 1))).toEqual(["a"]);
  expect(removeItem(commented, at(commented, []), 0)).toContain("// keep me");
});

test("whatever the layout: the value is there, all comments are, and the way back leads to the same bytes", () => {
  const gap = fc.constantFrom("", " ", "\n", "\r\n  ", "\n\t\t", " /* c, ] */ ", " // d }\n", "\n  // e\n  ");
  const value = fc.constantFrom("1", '"s, ]"', "{}", '{"z": [1, 2]}', '["p", {"o": true}]');
  const list = (open: string, close: string, item: fc.Arbitrary<string>) =>
    fc
      .tuple(fc.array(fc.tuple(gap, item, gap), { maxLength: 4 }), fc.boolean(), gap)
      .map(([items, trailing, end]) => {
        const body = items.map(([before, text, after]) => before + text + after).join(",");
        return `${open}${body}${trailing && items.length > 0 ? "," : ""}${end}${close}`;
      });
  const array = list("[", "]", value);
  const object = fc
    .tuple(
      list(
        "{",
        "}",
        value.map((text) => `"k": ${text}`),
      ),
    )
    .map(([text]) => text);
  fc.assert(
    fc.property(fc.oneof(array, object), (text) => {
      const isArray = text.startsWith("[");
      const node = at(text, []);
      const after = insertItem(text, node, isArray ? ITEM : `"plugin": ${ITEM}`);
      const options = { allowTrailingComma: true };
      const errors: unknown[] = [];
      const value = parse(after, errors as never[], options);
      expect(errors).toEqual([]);
      if (isArray) expect(value).toEqual([...parse(text, [], options), "file:///x.js"]);
      else expect(value).toEqual({ ...parse(text, [], options), plugin: "file:///x.js" });
      for (const comment of text.match(/\/\*.*?\*\/|\/\/[^\r\n]*/g) ?? []) expect(after).toContain(comment);
      const again = at(after, []);
      const back = removeItem(after, again, (again.children?.length ?? 0) - 1);
      if (node.children?.length) expect(back).toBe(text);
      else expect(parse(back, [], options)).toEqual(parse(text, [], options));
    }),
    { numRuns: 2000 },
  );
});
