import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Script } from "node:vm";
import { pluginData } from "../session/place.ts";

/**
 * `node start.cjs claim`: runs a hook through V8's code cache, since compiling it takes longer than all it
 * does (measured: delegate 1.45x `node -e 0` without, 1.2x with). Node has this built in from 22.1 on
 * (`module.enableCompileCache`), but not in 20. A cache that does not fit is refused by V8, and made anew.
 */
function start(name: string): void {
  const file = join(__dirname, `${name}.cjs`);
  const source = `(function (require) {${readFileSync(file, "utf8")}\n})`;
  const cache = cacheFile(name, file);
  const cachedData = readIfThere(cache);
  const script = new Script(source, { filename: file, ...(cachedData ? { cachedData } : {}) });
  if (!cachedData || script.cachedDataRejected) process.once("exit", () => save(script, cache));
  script.runInThisContext()(require);
}

/** Named by what it was made from: V8 itself compares only the length of the source. */
function cacheFile(name: string, file: string): string {
  const { mtimeMs, size } = statSync(file);
  return join(pluginData(process.env), "code", `${name}-${process.version}-${size}-${Math.round(mtimeMs)}`);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // the first start
  }
}

/** At the end, so that what was compiled on the way is in it. Replaces those of earlier versions. */
function save(script: Script, cache: string): void {
  const folder = dirname(cache);
  const draft = `${cache}.${process.pid}.tmp`;
  const [name = ""] = basename(cache).split("-v");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const old of readdirSync(folder)) {
      if (old.startsWith(`${name}-v`)) rmSync(join(folder, old), { force: true });
    }
    writeFileSync(draft, script.createCachedData(), { mode: 0o600 });
    renameSync(draft, cache);
  } catch {
    // No room, or no right to write there: the hook has done its work without.
  }
}

start(basename(process.argv[2] ?? ""));
