import { basename } from "node:path";
import { build } from "esbuild";
import { projectRoot } from "./process.ts";

/** Bundles modules of the project as `build.mjs` does. @returns the folder, with `<name>.mjs` for each */
export async function bundle(folder: string, ...entries: string[]): Promise<string> {
  await build({
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
