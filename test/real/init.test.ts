import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { startAnthropicServer } from "../lab/anthropic-server.ts";
import { setUpClaude } from "../lab/claude.ts";
import { closing } from "../lab/cleanup.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { userConfig } from "../lab/opencode.ts";
import { installed, projectRoot, runProgram } from "../lab/process.ts";
import { changed, makeRepo, manifest, SAMPLE } from "../lab/repo.ts";
import { makeSandbox, type Sandbox } from "../lab/sandbox.ts";
import { call, isRecord, records, text } from "../lab/script.ts";

const OPENCODE_OFFLINE = {
  OPENCODE_DISABLE_MODELS_FETCH: "1",
  OPENCODE_DISABLE_AUTOUPDATE: "1",
  OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
  DISABLE_AUTOUPDATER: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
};

/** A fresh home and a project whose path has a space and a letter outside ASCII. */
function fresh(files: Record<string, string> = {}) {
  const sandbox = closing(makeSandbox());
  Object.assign(sandbox.env, OPENCODE_OFFLINE);
  const repo = makeRepo(join(sandbox.dir, "my prøject"), { ...SAMPLE, files: { ...SAMPLE.files, ...files } });
  return { sandbox, repo };
}

function handrail(sandbox: Sandbox, cwd: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return runProgram(process.execPath, [join(projectRoot, "claude-hooks/bin/handrail"), ...args], {
    cwd,
    env: { ...sandbox.env, ...env, PWD: cwd },
  });
}

async function json(sandbox: Sandbox, cwd: string, args: string[], env?: NodeJS.ProcessEnv) {
  const run = await handrail(sandbox, cwd, [...args, "--json"], env);
  const value: unknown = JSON.parse(run.stdout);
  return { code: run.code, value: isRecord(value) ? value : {} };
}

/** Starts the real opencode as far as its plugins. @returns the plugins it knows */
async function opencodePlugins(sandbox: Sandbox, cwd: string): Promise<unknown> {
  const run = await runProgram(installed("opencode"), ["debug", "config"], {
    cwd,
    env: { ...sandbox.env, PWD: cwd },
  });
  expect(run).toMatchObject({ code: 0 });
  const config: unknown = JSON.parse(run.stdout);
  return isRecord(config) ? config.plugin : undefined;
}

async function claudePlugins(sandbox: Sandbox, cwd: string): Promise<Record<string, unknown>[]> {
  const args = ["plugin", "list", "--json"];
  const run = await runProgram(installed("claude"), args, { cwd, env: { ...sandbox.env, PWD: cwd } });
  return records(JSON.parse(run.stdout));
}

const JSONC = '// the team\'s\r\n{\r\n  "autoupdate": false, // never\r\n}\r\n';
const outside = call("write", { filePath: "src/b.ts", content: "no\n" });
const inside = call("write", { filePath: "src/a.ts", content: "yes\n" });
const SETTINGS = '{"permissions":{"allow":["Read"]}}';

test("init, both hosts used as usual, init --undo: both were active, and every byte is back", async () => {
  const { sandbox, repo } = fresh({ "opencode.jsonc": JSONC, ".claude/settings.json": SETTINGS });
  const before = repo.manifest();
  const done = await json(sandbox, repo.root, ["init", "--yes"]);
  expect(done).toMatchObject({ code: 0, value: { undo: false, changed: true, notDone: [] } });
  expect(changed(before, repo.manifest())).toEqual([".claude/settings.json", "opencode.jsonc"]);
  expect(repo.read("opencode.jsonc")).toContain("// never\r\n");

  const again = await json(sandbox, repo.root, ["init"]);
  expect(again).toMatchObject({ code: 0, value: { changed: false, done: [] } });

  expect(await opencodePlugins(sandbox, repo.root)).toEqual([
    expect.stringMatching(/^file:\/\/.*\/index\.js$/),
  ]);
  const model = closing(await startAnthropicServer([text("Hello.")]));
  const claude = setUpClaude({ sandbox, modelUrl: model.url, env: OPENCODE_OFFLINE });
  const run = await claude.prompt(repo.root, "hello");
  expect(run.result).toBe("Hello.");
  const started = run.messages.find((message) => message.subtype === "init");
  expect(records(started?.plugins).map((plugin) => plugin.name)).toContain("handrail");

  const undone = await json(sandbox, repo.root, ["init", "--undo", "--yes"], claude.env);
  expect(undone).toMatchObject({ code: 0, value: { undo: true, changed: true } });
  expect(changed(before, repo.manifest())).toEqual([]);
  expect(await claudePlugins(sandbox, repo.root)).toEqual([]);
  expect(await json(sandbox, repo.root, ["init", "--undo"])).toMatchObject({ value: { changed: false } });
});

test("a configuration that OpenCode adds its schema to comes back; a project without any has none again", async () => {
  const { sandbox, repo } = fresh({ "opencode.json": '\uFEFF{\r\n\t"autoupdate": false\r\n}' });
  const before = repo.manifest();
  await json(sandbox, repo.root, ["init", "--yes", "--host", "opencode"]);
  expect(repo.read("opencode.json")).not.toContain("$schema");
  await opencodePlugins(sandbox, repo.root);
  expect(repo.read("opencode.json")).toContain("$schema");
  await json(sandbox, repo.root, ["init", "--yes", "--undo"]);
  expect(changed(before, repo.manifest())).toEqual([]);

  const { sandbox: other, repo: bare } = fresh();
  const empty = bare.manifest();
  await json(other, bare.root, ["init", "--yes"]);
  expect(changed(empty, bare.manifest())).toEqual([".claude/", ".claude/settings.json", "opencode.json"]);
  expect(await opencodePlugins(other, bare.root)).toHaveLength(1);
  await json(other, bare.root, ["init", "--yes", "--undo"]);
  expect(changed(empty, bare.manifest())).toEqual([]);
});

test("for the user: every project has it, none is changed, and the home is as it was", async () => {
  const { sandbox, repo } = fresh();
  const settings = join(sandbox.home, ".claude", "settings.json");
  const config = join(sandbox.home, ".config", "opencode", "opencode.json");
  mkdirSync(join(sandbox.home, ".claude"));
  mkdirSync(join(sandbox.home, ".config", "opencode"));
  // Kept with the person's other dotfiles, and linked to.
  const dotfiles = join(sandbox.dir, "dotfiles");
  mkdirSync(dotfiles);
  for (const [link, name, text] of [
    [settings, "settings.json", SETTINGS],
    [config, "opencode.json", JSONC],
  ] as const) {
    writeFileSync(join(dotfiles, name), text);
    symlinkSync(join(dotfiles, name), link);
  }
  const kept = manifest(dotfiles);
  const before = repo.manifest();
  const done = await json(sandbox, sandbox.dir, ["init", "--yes", "--user"]);
  expect(done).toMatchObject({ code: 0, value: { changed: true } });
  expect(await opencodePlugins(sandbox, repo.root)).toHaveLength(1);
  expect(await claudePlugins(sandbox, repo.root)).toMatchObject([{ scope: "user", enabled: true }]);
  expect(changed(before, repo.manifest())).toEqual([]);
  // OpenCode used as ever: a prompt that is a task file is held to it.
  const task = "Change a\n\nFiles to modify:\n- src/a.ts";
  repo.write("opencode_tasks/20261121-change-a.txt", task);
  const model = closing(await startOpenAiServer([outside, inside, text("Done.")]));
  const content = JSON.stringify(userConfig({ sandbox, modelUrl: model.url }));
  const used = await runProgram(installed("opencode"), ["run", task], {
    cwd: repo.root,
    env: { ...sandbox.env, PWD: repo.root, OPENCODE_CONFIG_CONTENT: content },
  });
  expect(used, used.stderr).toMatchObject({ code: 0 });
  const landed = changed(before, repo.manifest()).filter((name) => name.startsWith("src/"));
  expect(landed).toEqual(["src/a.ts"]);
  expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("Handrail refused this call");
  expect(Object.keys(changed(kept, manifest(dotfiles)))).toHaveLength(2);
  await json(sandbox, sandbox.dir, ["init", "--yes", "--user", "--undo"]);
  expect(changed(kept, manifest(dotfiles))).toEqual([]);
  for (const link of [settings, config]) expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(settings, "utf8")).toBe(SETTINGS);
  expect(readFileSync(config, "utf8")).toBe(JSONC);
  expect(await claudePlugins(sandbox, repo.root)).toEqual([]);
});

test("undone in one project, the other project and the user keep theirs", async () => {
  const { sandbox, repo } = fresh();
  const other = makeRepo(join(sandbox.dir, "other"));
  const before = repo.manifest();
  for (const root of [repo.root, other.root]) await json(sandbox, root, ["init", "--yes"]);
  await json(sandbox, repo.root, ["init", "--yes", "--user", "--host", "claude"]);
  await json(sandbox, repo.root, ["init", "--yes", "--undo"]);
  expect(changed(before, repo.manifest())).toEqual([]);
  const left = await claudePlugins(sandbox, other.root);
  expect(left.map((plugin) => plugin.scope).sort()).toEqual(["project", "user"]);
  expect(left).toEqual(left.map(() => expect.objectContaining({ enabled: true })));
  expect(await opencodePlugins(sandbox, other.root)).toHaveLength(1);
});

test("settings that were edited since keep the edit and lose Handrail's lines alone", async () => {
  const { sandbox, repo } = fresh({ ".claude/settings.json": SETTINGS });
  await json(sandbox, repo.root, ["init", "--yes", "--host", "claude"]);
  repo.write(".claude/settings.json", repo.read(".claude/settings.json").replace('"Read"', '"Read", "Glob"'));
  const undone = await json(sandbox, repo.root, ["init", "--yes", "--undo"]);
  expect(JSON.stringify(undone.value.done)).toContain("was edited since");
  const settings = repo.read(".claude/settings.json");
  expect(JSON.parse(settings)).toMatchObject({ permissions: { allow: ["Read", "Glob"] } });
  expect(settings).not.toContain("handrail");
});

test("a side that is missing is left out and named; asked for, it is an error", async () => {
  const { sandbox, repo } = fresh();
  const bin = join(sandbox.dir, "bin");
  mkdirSync(bin);
  const git = (process.env.PATH ?? "")
    .split(":")
    .map((folder) => join(folder, "git"))
    .find((file) => existsSync(file));
  symlinkSync(git ?? "", join(bin, "git"));
  const env = { PATH: bin };
  const none = {
    code: 5,
    value: { error: { code: "opencode-missing", fix: expect.stringContaining("npm install") } },
  };
  expect(await json(sandbox, repo.root, ["init", "--yes", "--host", "opencode"], env)).toMatchObject(none);
  expect(await json(sandbox, repo.root, ["serve", "start"], env)).toMatchObject(none);
  symlinkSync(installed("opencode"), join(bin, "opencode"));
  expect(await json(sandbox, repo.root, ["init", "--yes", "--host", "claude"], env)).toMatchObject({
    code: 5,
    value: { error: { code: "claude-missing", fix: expect.stringContaining("npm install") } },
  });
  expect(repo.git("status", "--short")).toBe("");
  const done = await json(sandbox, repo.root, ["init", "--yes"], env);
  expect(done).toMatchObject({ code: 0, value: { changed: true, notDone: [{ code: "claude-missing" }] } });
  expect(repo.git("status", "--short")).toBe("?? opencode.json");
  const words = await handrail(sandbox, repo.root, ["init", "--yes"], env);
  expect(words.stdout).toMatch(/Claude Code: .*left out[\s\S]*fix: npm install/);
  expect(await json(sandbox, repo.root, ["doctor"], env)).toMatchObject({
    value: {
      parts: expect.arrayContaining([expect.objectContaining({ name: "claude", status: "warning" })]),
    },
  });
});

test("nothing is changed without a terminal or a yes, nor when either side's file is not valid", async () => {
  const { sandbox, repo } = fresh();
  const before = repo.manifest();
  const asked = await handrail(sandbox, repo.root, ["init"]);
  expect(asked.code).toBe(2);
  expect(asked.stdout).toContain(`${repo.root}/opencode.json`);
  expect(asked.stderr).toContain("fix: handrail init --yes");
  expect(await json(sandbox, repo.root, ["init"])).toMatchObject({
    code: 2,
    value: { error: { code: "bad-usage" } },
  });
  expect(await json(sandbox, repo.root, ["init", "--user", "--project", "--yes"])).toMatchObject({ code: 2 });
  expect(await json(sandbox, repo.root, ["init", "--host", "vim", "--yes"])).toMatchObject({ code: 2 });
  expect(await json(sandbox, sandbox.dir, ["init", "--yes"])).toMatchObject({
    code: 2,
    value: { error: { code: "not-a-repository" } },
  });
  expect(changed(before, repo.manifest())).toEqual([]);

  repo.write("opencode.jsonc", '{\n  "plugin": [\n');
  const broken = repo.manifest();
  expect(await json(sandbox, repo.root, ["init", "--yes"])).toMatchObject({
    code: 2,
    value: { error: { code: "invalid-config", message: expect.stringContaining("opencode.jsonc:3") } },
  });
  expect(changed(broken, repo.manifest())).toEqual([]);

  repo.write("opencode.jsonc", "{}\n");
  repo.write(".claude/settings.json", '{\n  // mine\n  "permissions": {}\n}\n');
  const commented = repo.manifest();
  expect(await json(sandbox, repo.root, ["init", "--yes"])).toMatchObject({
    code: 2,
    value: { error: { code: "invalid-config", message: expect.stringContaining("settings.json:2") } },
  });
  expect(changed(commented, repo.manifest())).toEqual([]);
});

test("from a project's own node_modules the hosts get copies that the project cannot change", async () => {
  const { sandbox, repo } = fresh();
  const folder = join(repo.root, "node_modules", "opencode-handrail");
  for (const part of [".claude-plugin", "claude-hooks"]) {
    cpSync(join(projectRoot, part), join(folder, part), { recursive: true });
  }
  const bin = join(folder, "claude-hooks/bin/handrail");
  const env = { ...sandbox.env, PWD: repo.root };
  const run = await runProgram(process.execPath, [bin, "init", "--yes", "--json"], { cwd: repo.root, env });
  expect(run.code).toBe(0);
  expect(repo.read("opencode.json") + repo.read(".claude/settings.json")).not.toContain("node_modules");
  const [plugin] = await claudePlugins(sandbox, repo.root);
  expect(String(plugin?.readFromFolder).startsWith(sandbox.state)).toBe(true);
  expect(await opencodePlugins(sandbox, repo.root)).toEqual([
    expect.stringContaining(pathToFileURL(sandbox.state).href),
  ]);
});

test("doctor sees whether the plugin really loads, names the fix, and changes nothing", async () => {
  const secret = "sk-very-secret-0123456789";
  const { sandbox, repo } = fresh();
  const provider = { lab: { npm: "@ai-sdk/openai-compatible", options: { apiKey: secret } } };
  repo.write("opencode.json", JSON.stringify({ provider }));
  const doctor = async () => {
    const { code, value } = await json(sandbox, repo.root, ["doctor"], { SOME_API_KEY: secret });
    expect(JSON.stringify(value)).not.toContain(secret);
    const parts = new Map(records(value.parts).map((part) => [part.name, part]));
    return { code, ok: value.ok, part: (name: string) => parts.get(name) };
  };
  const configBefore = manifest(sandbox.env.XDG_CONFIG_HOME ?? "");
  const without = await doctor();
  expect(without).toMatchObject({ code: 5, ok: false });
  for (const name of ["opencode-plugin", "claude-plugin"]) {
    expect(without.part(name)).toMatchObject({
      status: "problem",
      fix: expect.stringContaining("handrail init"),
    });
  }
  expect(without.part("repository")).toMatchObject({ status: "ok" });

  // The fixes, as they are printed.
  for (const name of ["opencode-plugin", "claude-plugin"]) {
    const [program, ...words] = String(without.part(name)?.fix).split(" ");
    expect(program).toBe("handrail");
    expect(await handrail(sandbox, repo.root, [...words, "--yes"])).toMatchObject({ code: 0 });
  }
  expect(repo.read("opencode.json")).not.toContain("$schema");
  const before = repo.manifest();
  const withBoth = await doctor();
  expect(withBoth).toMatchObject({ code: 0, ok: true });
  for (const name of ["opencode-plugin", "claude-plugin", "hooks", "state", "config", "node", "git"]) {
    expect(withBoth.part(name)).toMatchObject({ status: "ok" });
  }
  expect(changed(before, repo.manifest())).toEqual([]);
  const configAfter = manifest(sandbox.env.XDG_CONFIG_HOME ?? "");
  const made = changed(configBefore, configAfter).filter((path) => !path.endsWith("/"));
  expect(made.filter((path) => path !== "opencode/.gitignore")).toEqual([]);

  repo.write(
    "broken.js",
    'export default { id: "handrail", server: async () => { throw new Error("no"); } };\n',
  );
  repo.write("opencode.json", JSON.stringify({ plugin: ["./broken.js"], provider }));
  expect((await doctor()).part("opencode-plugin")).toMatchObject({
    status: "problem",
    fix: expect.any(String),
  });

  repo.write("opencode.json", `{"x": "${secret}"`);
  repo.write("handrail.config.json", '{"unbound": 1}');
  const broken = await doctor();
  expect(broken.code).toBe(5);
  expect(broken.part("opencode-plugin")?.message).toContain("opencode.json");
  expect(broken.part("config")).toMatchObject({ status: "problem", fix: expect.any(String) });
});
