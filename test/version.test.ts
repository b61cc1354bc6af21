import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "../shared/version.ts";
import { projectRoot } from "./lab/process.ts";
import { isRecord, records } from "./lab/script.ts";

const read = (file: string) => readFileSync(join(projectRoot, file), "utf8");
const json = (file: string): Record<string, unknown> => {
  const value: unknown = JSON.parse(read(file));
  return isRecord(value) ? value : {};
};

test("one version everywhere: package, lock file, plugin, changelog", () => {
  const lock = json("package-lock.json");
  const packages = isRecord(lock.packages) ? lock.packages : {};
  const own = isRecord(packages[""]) ? packages[""] : {};
  const [, changelog = ""] = /^## (\d+\.\d+\.\d+)/m.exec(read("CHANGELOG.md")) ?? [];
  const versions = {
    package: VERSION,
    lock: lock.version,
    ownInLock: own.version,
    plugin: json("claude-hooks/.claude-plugin/plugin.json").version,
    changelog,
  };
  expect(new Set(Object.values(versions)), JSON.stringify(versions)).toEqual(new Set([VERSION]));
});

test("the marketplace offers the plugin by its own name, and says no version that could differ", () => {
  const marketplace = json(".claude-plugin/marketplace.json");
  const plugin = json("claude-hooks/.claude-plugin/plugin.json");
  expect(records(marketplace.plugins)).toMatchObject([
    { name: plugin.name, source: "./claude-hooks", description: plugin.description },
  ]);
  // Claude Code takes the plugin's own; a second one here would only grow old.
  for (const one of records(marketplace.plugins)) expect(one).not.toHaveProperty("version");
});
