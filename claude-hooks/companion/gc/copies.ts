import { existsSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { stateDir } from "../../../shared/state/place.ts";
import { installedFiles } from "../install/record.ts";
import { changedAt, entriesOf, type Found, type Item, sizeOf } from "./item.ts";

/** As `lastingPlace` names a copy: version and hash; a draft has more behind it. */
const COPY = /^\d+\.\d+\.\d+\S*-[0-9a-f]{12}(\.[0-9a-f]{8}\.tmp)?$/;

/**
 * Copies of the plugins in the state folder that no host loads any more: not the newest of its kind, and
 * named by no configuration that `init` has edited or that Claude Code keeps.
 */
export function oldCopies(before: number, env: NodeJS.ProcessEnv = process.env): Found {
  const texts = configurations(env);
  const items = ["plugin", "claude"].flatMap((kind): Item[] => {
    const parent = join(stateDir(env), kind);
    const copies = entriesOf(parent)
      .filter((name) => COPY.test(name))
      .map((name) => join(parent, name))
      .sort((a, b) => changedAt(b) - changedAt(a));
    return copies
      .slice(1)
      .filter((path) => changedAt(path) < before && !texts.some((text) => text.includes(basename(path))))
      .map((path) => ({
        ...{ kind: "copy" as const, name: path, bytes: sizeOf(path) },
        remove: () => rmSync(path, { recursive: true, force: true }),
      }));
  });
  return { items, kept: [] };
}

function configurations(env: NodeJS.ProcessEnv): string[] {
  const home = env.HOME || homedir();
  const claude = join(env.CLAUDE_CONFIG_DIR || join(home, ".claude"), "plugins");
  const files = [
    ...installedFiles(env),
    ...entriesOf(claude)
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(claude, name)),
  ];
  return files.flatMap((file) => (existsSync(file) ? readFileSync(file, "utf8") : []));
}
