import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { projectRoot } from "./process.ts";

let built: string | undefined;

/** Builds what applies a command's layer, as the package does. @returns how a prepared shell starts it */
export function applier(): { command: string[]; environment: Record<string, string> } {
  built ??= build();
  return { command: [process.execPath, built], environment: {} };
}

function build(): string {
  const folder = join(projectRoot, ".build");
  mkdirSync(folder, { recursive: true });
  // Several test workers build at the same time.
  const draft = join(folder, `shell-${process.pid}.cjs`);
  buildSync({
    entryPoints: [join(projectRoot, "shared/confine/shell-main.ts")],
    outfile: draft,
    ...{ bundle: true, platform: "node", target: "node20", format: "cjs", logLevel: "warning" },
  });
  const file = join(folder, "shell.cjs");
  renameSync(draft, file);
  return file;
}
