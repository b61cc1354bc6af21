import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";

export interface Answer {
  code: number | null;
  stdout: string;
  stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into
  json: any;
}

/** The `handrail` command, bundled once for a test file and run as a process. */
export function handrail(): (cwd: string, args: string[], env?: NodeJS.ProcessEnv) => Answer {
  let dir = "";
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "handrail-bin-"));
    // Templates lie with their skill, beside the program.
    symlinkSync(resolve("claude-hooks/skills"), join(dir, "skills"));
    await build({
      entryPoints: { handrail: "claude-hooks/companion/main.ts" },
      outdir: dir,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      platform: "node",
      // As in build.mjs: jsonc-parser's CommonJS build cannot be bundled.
      mainFields: ["module", "main"],
      format: "esm",
      logLevel: "error",
      banner: {
        js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
      },
    });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return (cwd, args, env = {}) => {
    const done = spawnSync(process.execPath, [join(dir, "handrail.mjs"), ...args], {
      cwd,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "", ...env },
    });
    const json = args.includes("--json") ? JSON.parse(done.stdout) : undefined;
    return { code: done.status, stdout: done.stdout, stderr: done.stderr, json };
  };
}
