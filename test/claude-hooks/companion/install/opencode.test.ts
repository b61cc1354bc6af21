import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "jsonc-parser";
import { describe, expect, test } from "vitest";
import { planOpencode, planOpencodeUndo } from "../../../../claude-hooks/companion/install/opencode.ts";
import { schemaAdded } from "../../../../claude-hooks/companion/install/opencode-config.ts";
import type { Place, Plan } from "../../../../claude-hooks/companion/install/plan.ts";
import { opencodePluginInstalled } from "../../../../claude-hooks/install/detect.ts";
import { type Lab, lab, PLUGIN } from "./place.ts";

async function apply(plan: Plan): Promise<string> {
  const said: string[] = [];
  for (const change of plan.changes) said.push(await change.apply());
  return said.join("\n");
}
const install = (place: Place, plugin: string) => apply(planOpencode(place, plugin));
const undo = (place: Place) => apply(planOpencodeUndo(place));

function plugins(text: string): unknown[] {
  return parse(text.replace(/^\uFEFF/, ""), [], { allowTrailingComma: true }).plugin;
}
const entryOf = (file: string) => pathToFileURL(file).href;

const originals: Record<string, string> = {
  "with comments": '// top\n{\n  // theirs\n  "theme": "x", // why\n  /* end */\n}\n// bottom\n',
  "with CRLF and tabs": '{\r\n\t"theme": "x",\r\n\t"plugin": [\r\n\t\t"a" // first\r\n\t]\r\n}\r\n',
  "with a list and trailing commas": '{\n  "plugin": [\n    "a",\n    ["b", { "x": 1 }],\n  ],\n}\n',
  "with an empty list": '{ "plugin": [] }',
  "on one line": '{"$schema":"https://opencode.ai/config.json","plugin":["a"],"theme":"x"}',
  "with a byte order mark": '\uFEFF{\n    "$schema": "https://opencode.ai/config.json"\n}',
  "with a byte order mark, without schema": '\uFEFF{\r\n    "theme": "é"\r\n}\r\n',
  "that is an empty object": "{}",
  "that is empty": "",
  "that is blank": "\n\n",
  "without a last newline, oddly laid out":
    '{\n"theme" :   "x",\n      "plugin" :[   "a"  ,"b" ]   , "mcp":{ "z":1}}',
};

describe.each(Object.entries(originals))("a configuration %s", (_name, original) => {
  test("gets the entry last, keeps its own, and comes back byte for byte", async () => {
    const { root, plugin, place, env } = lab();
    const file = join(root, "opencode.jsonc");
    writeFileSync(file, original);
    expect(await install(place(), plugin)).toContain(`${file} changed`);
    const text = readFileSync(file, "utf8");
    const before = original.trim() ? (plugins(original) ?? []) : [];
    expect(plugins(text)).toEqual([...before, entryOf(plugin)]);
    for (const kept of original.match(/\/\/ .*|\/\*.*?\*\/|\r\n\t"theme"|^\uFEFF/g) ?? [])
      expect(text).toContain(kept);
    expect(opencodePluginInstalled(root, env)).toEqual({ installed: true, where: file });
    const again = planOpencode(place(), plugin);
    expect(again).toMatchObject({ changes: [], already: [expect.stringContaining(file)] });
    await undo(place());
    expect(readFileSync(file, "utf8")).toBe(original);
    expect(planOpencodeUndo(place()).changes).toEqual([]);
  });

  test("comes back byte for byte when OpenCode has added its schema in between", async () => {
    const { root, plugin, place } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, original);
    await install(place(), plugin);
    writeFileSync(file, schemaAdded(readFileSync(file, "utf8")));
    expect(await undo(place())).toContain("restored to the bytes from before");
    expect(readFileSync(file, "utf8")).toBe(original);
  });

  test("keeps what was edited since, and loses the entry alone", async () => {
    const { root, plugin, place } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, original);
    await install(place(), plugin);
    writeFileSync(file, `${readFileSync(file, "utf8")}\n// mine, later\n`);
    expect(await undo(place())).toMatch(/was edited since: only Handrail's entry was taken out/);
    const text = readFileSync(file, "utf8");
    expect(text).toContain("// mine, later");
    expect(text).not.toContain("opencode-plugin/index.js");
    for (const kept of original.match(/\/\/ .*|\/\*.*?\*\//g) ?? []) expect(text).toContain(kept);
    expect(plugins(text) ?? []).toEqual(original.trim() ? (plugins(original) ?? []) : []);
  });
});

test("without a configuration one is made, with the schema; undone, nothing is left", async () => {
  const { root, plugin, place, dir } = lab();
  expect(planOpencode(place(), plugin).changes[0]?.lines.join("\n")).toContain(entryOf(plugin));
  expect(existsSync(join(root, "opencode.json"))).toBe(false);
  await install(place(), plugin);
  const text = readFileSync(join(root, "opencode.json"), "utf8");
  expect(JSON.parse(text)).toEqual({
    $schema: "https://opencode.ai/config.json",
    plugin: [entryOf(plugin)],
  });
  expect(schemaAdded(text)).toBe(text);
  await undo(place());
  expect(readdirSync(root)).toEqual([".git"]);
  await install(place("user"), plugin);
  const folder = join(dir, "home", ".config", "opencode");
  expect(readdirSync(folder)).toEqual(["opencode.json"]);
  expect(readdirSync(root)).toEqual([".git"]);
  await undo(place("user"));
  expect(readdirSync(join(dir, "home"))).toEqual([]);
});

test("a folder that init made stays when somebody else has put something into it", async () => {
  const { plugin, place, dir } = lab();
  await install(place("user"), plugin);
  const folder = join(dir, "home", ".config", "opencode");
  writeFileSync(join(folder, ".gitignore"), "x\n");
  await undo(place("user"));
  expect(readdirSync(folder)).toEqual([".gitignore"]);
});

test("a file that init made and somebody edited stays, without the entry", async () => {
  const { root, plugin, place } = lab();
  await install(place(), plugin);
  const file = join(root, "opencode.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"plugin"', '"theme": "x",\n  "plugin"'));
  await undo(place());
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ theme: "x" });
  expect(readFileSync(file, "utf8")).not.toContain("opencode-plugin");
});

test("the file that has the entry is chosen, else the one with a list, else the one that exists", async () => {
  const { root, plugin, place } = lab();
  const json = join(root, "opencode.json");
  const jsonc = join(root, "opencode.jsonc");
  writeFileSync(jsonc, "{}");
  expect(planOpencode(place(), plugin).changes[0]?.file).toBe(jsonc);
  writeFileSync(json, "{}");
  expect(planOpencode(place(), plugin).changes[0]?.file).toBe(json);
  writeFileSync(jsonc, '{"plugin": ["a"]}');
  expect(planOpencode(place(), plugin).changes[0]?.file).toBe(jsonc);
  writeFileSync(json, '{"plugin": ["opencode-handrail@0.0.1"]}');
  expect(planOpencode(place(), plugin).changes[0]?.file).toBe(json);
});

describe("entries of another version or place", () => {
  const old = [
    "opencode-handrail@0.0.1",
    "file:///gone/handrail/plugin/0.0.9-0123456789ab/index.js",
    "/home/x/node_modules/opencode-handrail/claude-hooks/dist/opencode-plugin/index.js",
  ];
  test.each(old)("%s is replaced, not added to", async (spec) => {
    const { root, plugin, place } = lab();
    const file = join(root, "opencode.json");
    const original = `{\n  "plugin": [\n    ${JSON.stringify(spec)}, // ours\n    "b"\n  ]\n}\n`;
    writeFileSync(file, original);
    await install(place(), plugin);
    expect(readFileSync(file, "utf8")).toBe(
      original.replace(JSON.stringify(spec), JSON.stringify(entryOf(plugin))),
    );
    await undo(place());
    expect(readFileSync(file, "utf8")).toBe(original);
  });

  test("the options of an entry stay, and several entries become one", async () => {
    const { root, plugin, place } = lab();
    const file = join(root, "opencode.json");
    const list = [[old[0], { a: 1 }], "b", old[1], old[2]];
    writeFileSync(file, JSON.stringify({ plugin: list }));
    await install(place(), plugin);
    expect(plugins(readFileSync(file, "utf8"))).toEqual([[entryOf(plugin), { a: 1 }], "b"]);
  });

  test("a new version after an old one: undone, the file is what it was before the first", async () => {
    const { root, plugin, place, write } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, '{ "theme": "x" }');
    const first = write("old/opencode-plugin/index.js", `${PLUGIN}// old\n`);
    await install(place(), first);
    writeFileSync(file, schemaAdded(readFileSync(file, "utf8")));
    await install(place(), plugin);
    expect(plugins(readFileSync(file, "utf8"))).toEqual([entryOf(plugin)]);
    await undo(place());
    expect(readFileSync(file, "utf8")).toBe('{ "theme": "x" }');
  });

  test("and an edit between the two is kept", async () => {
    const { root, plugin, place, write } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, "{}");
    await install(place(), write("old/opencode-plugin/index.js", `${PLUGIN}// old\n`));
    writeFileSync(file, readFileSync(file, "utf8").replace("{", '{ "theme": "x",'));
    await install(place(), plugin);
    await undo(place());
    expect(parse(readFileSync(file, "utf8"))).toEqual({ theme: "x" });
  });

  test.each([
    ["opencode-handrail", "the npm name"],
    ["@acme/opencode-handrail", "another's package"],
    ["/gone/node_modules/@acme/opencode-plugin/dist/index.js", "another's missing file"],
  ])("%s (%s) is left alone", async (spec) => {
    const { root, plugin, place } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, JSON.stringify({ plugin: [spec] }));
    await install(place(), plugin);
    const ours = spec === "opencode-handrail" ? [] : [entryOf(plugin)];
    expect(plugins(readFileSync(file, "utf8"))).toEqual([spec, ...ours]);
  });

  test("another's file that looks like ours is left alone; the same bytes elsewhere count as installed", async () => {
    const { root, plugin, place, write } = lab();
    const file = join(root, "opencode.json");
    const other = write("acme/opencode-plugin/dist/index.js", 'export default { id: "acme" };\n');
    writeFileSync(file, JSON.stringify({ plugin: [other] }));
    await install(place(), plugin);
    expect(plugins(readFileSync(file, "utf8"))).toEqual([other, entryOf(plugin)]);
    const same = write("elsewhere/opencode-plugin/index.js", PLUGIN);
    writeFileSync(file, JSON.stringify({ plugin: [same] }));
    expect(planOpencode(place(), plugin).changes).toEqual([]);
  });
});

describe("nothing is changed", () => {
  test.each([
    ['{\n  "a": 1,\n  "plugin": [\n}\n', 4],
    ['{\n  "a" 1\n}', 2],
    ['{\n\n  "plugin": "x"\n}', 3],
    ['{\n  "plugin": [],\n  "plugin": []\n}', 3],
    ["[]", 1],
    ["{} {}", 1],
  ])("when the configuration is not valid: %j", async (text, line) => {
    const { root, plugin, place, dir } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, text);
    expect(() => planOpencode(place(), plugin)).toThrow(
      expect.objectContaining({
        code: "invalid-config",
        exitCode: 2,
        message: expect.stringContaining(`${file}:${line} `),
      }),
    );
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(existsSync(join(dir, "state"))).toBe(false);
  });

  test("when it is not UTF-8, a folder, or a link that leads nowhere", () => {
    for (const make of [
      (file: string) => writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d])),
      (file: string) => mkdirSync(file),
      (file: string) => symlinkSync("/nowhere/at/all.json", file),
    ]) {
      const { root, plugin, place } = lab();
      make(join(root, "opencode.json"));
      expect(() => planOpencode(place(), plugin)).toThrow(
        expect.objectContaining({ code: "invalid-config" }),
      );
    }
  });

  test("when the file is read-only; made writable, it is changed and keeps its mode", async () => {
    const { root, plugin, place } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, "{}");
    chmodSync(file, 0o444);
    expect(() => planOpencode(place(), plugin)).toThrow(expect.objectContaining({ code: "not-writable" }));
    expect(readFileSync(file, "utf8")).toBe("{}");
    chmodSync(file, 0o640);
    await install(place(), plugin);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    await undo(place());
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  test("when somebody changes the file between the question and the answer", async () => {
    const { root, plugin, place } = lab();
    const file = join(root, "opencode.json");
    writeFileSync(file, "{}");
    const plan = planOpencode(place(), plugin);
    writeFileSync(file, '{"theme": "x"}');
    await expect(apply(plan)).rejects.toMatchObject({ code: "busy" });
    expect(readFileSync(file, "utf8")).toBe('{"theme": "x"}');
  });

  test("when there is no project", () => {
    const { plugin, env } = lab();
    expect(() => planOpencode({ level: "project", root: undefined, env }, plugin)).toThrow(
      expect.objectContaining({ code: "not-a-repository" }),
    );
  });
});

test("a linked configuration stays a link, and its target is changed and restored", async () => {
  const { root, plugin, place, write } = lab();
  const target = write("dotfiles/opencode.json", '{ "theme": "x" }');
  const file = join(root, "opencode.json");
  symlinkSync(target, file);
  await install(place(), plugin);
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(plugins(readFileSync(target, "utf8"))).toEqual([entryOf(plugin)]);
  await undo(place());
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, "utf8")).toBe('{ "theme": "x" }');
});

test("undo without a record takes out what names Handrail, and a file that has gone is not made again", async () => {
  const { root, plugin, place, dir } = lab();
  const file = join(root, "opencode.json");
  writeFileSync(file, '{\n  "theme": "x"\n}\n');
  await install(place(), plugin);
  rmSync(join(dir, "state"), { recursive: true });
  expect(await undo(place())).toMatch(/was not changed by init/);
  expect(parse(readFileSync(file, "utf8"))).toMatchObject({ theme: "x" });
  expect(readFileSync(file, "utf8")).not.toContain("opencode-plugin");
  await install(place(), plugin);
  rmSync(file);
  expect(await undo(place())).toBe("");
  expect(existsSync(file)).toBe(false);
});

describe("where the plugin is loaded from", () => {
  const loaded = (project: Lab) => {
    const [entry] = plugins(readFileSync(join(project.root, "opencode.json"), "utf8"));
    return fileURLToPath(String(entry));
  };

  test("outside every repository it is loaded where it is", async () => {
    const project = lab();
    await install(project.place(), project.plugin);
    expect(loaded(project)).toBe(project.plugin);
  });

  test.each(["my project/node_modules/x", "home/.npm/_npx/1f/x", "tmp/x", "home/.claude/plugins/cache/x"])(
    "in %s it is copied to the state folder, and the copy is mended when it was changed",
    async (place) => {
      const project = lab();
      const built = project.write(`${place}/opencode-plugin/index.js`, PLUGIN);
      project.write(`${place}/opencode-plugin/shell/shell.mjs`, "// beside it\n");
      await install(project.place(), built);
      const copy = loaded(project);
      expect(copy.startsWith(join(project.dir, "state", "plugin"))).toBe(true);
      expect(readFileSync(copy, "utf8")).toBe(PLUGIN);
      expect(readFileSync(join(copy, "..", "shell", "shell.mjs"), "utf8")).toBe("// beside it\n");
      writeFileSync(copy, "// somebody else's\n");
      await install(project.place(), built);
      expect(readFileSync(copy, "utf8")).toBe(PLUGIN);
      expect(plugins(readFileSync(join(project.root, "opencode.json"), "utf8"))).toHaveLength(1);
      rmSync(join(copy, ".."), { recursive: true });
      await install(project.place(), built);
      expect(readFileSync(copy, "utf8")).toBe(PLUGIN);
    },
  );

  test("it is copied once where the home is a git working tree, too", async () => {
    const project = lab();
    mkdirSync(join(project.dir, "home", ".git"));
    const env = { ...project.env, HANDRAIL_STATE_DIR: join(project.dir, "home", "state") };
    const place = { ...project.place(), env };
    const built = project.write("my project/node_modules/x/opencode-plugin/index.js", PLUGIN);
    await install(place, built);
    expect(loaded(project).startsWith(join(project.dir, "home", "state"))).toBe(true);
    const again = planOpencode(place, built);
    expect(again).toMatchObject({ changes: [], already: [expect.stringContaining("already")] });
  });
});
