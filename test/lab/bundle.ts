import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { projectRoot } from "./process.ts";

/** Bundles modules of the project as `build.mjs` does. @returns the folder, with `<name>.mjs` for each */
export function bundle(folder: string, ...entries: string[]): Promise<string> {
  return bundleWith({}, folder, ...entries);
}

/** The same, with the kill points of `shared/fault.ts`. */
export function bundleFaulty(folder: string, ...entries: string[]): Promise<string> {
  return bundleWith({ __HANDRAIL_FAULTS__: "true" }, folder, ...entries);
}

async function bundleWith(
  define: Record<string, string>,
  folder: string,
  ...entries: string[]
): Promise<string> {
  await build({
    define,
    entryPoints: Object.fromEntries(entries.map((entry) => [basename(entry, ".ts"), entry])),
    absWorkingDir: projectRoot,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    // jsonc-parser's CommonJS build cannot be bundled.
    mainFields: ["module", "main"],
    target: "node20",
    format: "esm",
    logLevel: "error",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
  return folder;
}

/** Lets the deliverer and what applies layers, bundled into a folder, be found by their built names. */
export function nameAsBuilt(folder: string): void {
  writeFileSync(join(folder, "flush.mjs"), 'import "./flush-main.mjs";\n');
  writeFileSync(join(folder, "shell.cjs"), 'import("./shell-main.mjs");\n');
}
