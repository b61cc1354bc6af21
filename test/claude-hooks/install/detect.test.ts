import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { opencodePluginInstalled } from "../../../claude-hooks/install/detect.ts";
import { lab, PLUGIN } from "../companion/install/place.ts";

const config = (...plugin: unknown[]) => JSON.stringify({ plugin });

test("no configuration, and none that names the plugin: not installed, and no problem", () => {
  const { root, env, write } = lab();
  expect(opencodePluginInstalled(root, env)).toEqual({ installed: false });
  write("my project/opencode.json", '// c\n{ "plugin": ["other", "./x.js"], }');
  write("home/.config/opencode/opencode.jsonc", "");
  expect(opencodePluginInstalled(root, env)).toEqual({ installed: false });
});

test.each([
  "my project/opencode.json",
  "my project/opencode.jsonc",
  "my project/.opencode/opencode.json",
  "home/.config/opencode/config.json",
  "home/.config/opencode/opencode.json",
  "home/.config/opencode/opencode.jsonc",
])("%s is read, whatever the form of the entry", (file) => {
  const { root, env, write, plugin, dir } = lab();
  for (const entry of [plugin, pathToFileURL(plugin).href, [plugin, { a: 1 }], "opencode-handrail@1.2.3"]) {
    write(file, `\uFEFF${config("other", entry)}`);
    expect(opencodePluginInstalled(root, env)).toEqual({ installed: true, where: `${dir}/${file}` });
  }
});

test("a path starts at the configuration's folder; a folder is a package", () => {
  const { root, env, write } = lab();
  write("my project/tools/opencode-plugin/index.js", PLUGIN);
  write("my project/opencode.json", config("./tools/opencode-plugin"));
  expect(opencodePluginInstalled(root, env).installed).toBe(true);
  write("my project/opencode.json", config("tools/opencode-plugin/index.js"));
  expect(opencodePluginInstalled(root, env).installed).toBe(false);
  write("pkg/package.json", '{"name": "opencode-handrail"}');
  write("pkg/opencode-plugin/dist/index.js", PLUGIN);
  write("my project/opencode.json", config("../pkg"));
  expect(opencodePluginInstalled(root, env).installed).toBe(true);
});

test("files and variables that the environment names are read", () => {
  const { root, env, write, plugin } = lab();
  const file = write("else/mine.json", config(plugin));
  const folder = write("folder/opencode.json", config(plugin)).replace("/opencode.json", "");
  const where = (more: NodeJS.ProcessEnv) => opencodePluginInstalled(root, { ...env, ...more }).where;
  expect(where({ OPENCODE_CONFIG: file })).toBe(file);
  expect(where({ OPENCODE_CONFIG_DIR: folder })).toBe(`${folder}/opencode.json`);
  expect(where({ OPENCODE_CONFIG_CONTENT: config(plugin) })).toBe("OPENCODE_CONFIG_CONTENT");
  expect(where({})).toBe(undefined);
  const project = write("my project/opencode.json", config(plugin));
  expect(where({})).toBe(project);
  expect(where({ OPENCODE_DISABLE_PROJECT_CONFIG: "1" })).toBe(undefined);
});

test("what keeps the plugin from loading is said", () => {
  const { root, env, write, plugin } = lab();
  const file = write("my project/opencode.json", config("/gone/node_modules/opencode-handrail/index.js"));
  expect(opencodePluginInstalled(root, env)).toEqual({
    installed: false,
    problem: expect.stringContaining(`${file} names /gone/`),
  });
  write("home/.config/opencode/opencode.json", config(plugin));
  expect(opencodePluginInstalled(root, env)).toMatchObject({ installed: true, problem: expect.any(String) });
  write("my project/opencode.json", "{ plugin");
  expect(opencodePluginInstalled(root, env).problem).toContain("no valid configuration");
  write("my project/opencode.json", config(plugin));
  expect(opencodePluginInstalled(root, { ...env, OPENCODE_PURE: "1" })).toEqual({
    installed: false,
    problem: expect.stringContaining("OPENCODE_PURE"),
  });
  expect(opencodePluginInstalled(root, { ...env, OPENCODE_PURE: "0" })).toMatchObject({ installed: true });
});

test("a file that OpenCode finds by itself counts, and so do the folders down to where it is started", () => {
  const { root, env, write } = lab();
  const file = write(
    "my project/.opencode/plugins/mine.ts",
    'export { default } from "opencode-handrail";\n',
  );
  expect(opencodePluginInstalled(root, env)).toEqual({ installed: true, where: file });
  expect(opencodePluginInstalled(root, { ...env, OPENCODE_DISABLE_PROJECT_CONFIG: "1" }).installed).toBe(
    false,
  );
  const { root: other, env: home, write: put, plugin } = lab();
  put("my project/.opencode/plugin/other.mjs", PLUGIN);
  const inner = put("my project/packages/a/opencode.json", '{"plugin": ["{env:WHERE}"]}');
  const withPlace = { ...home, WHERE: plugin };
  expect(opencodePluginInstalled(other, withPlace).installed).toBe(false);
  expect(opencodePluginInstalled(other, withPlace, `${other}/packages/a/src`).where).toBe(inner);
});
