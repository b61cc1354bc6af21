import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished, vi } from "vitest";
import type { Level, Place } from "../../../../claude-hooks/companion/install/plan.ts";

/** What a built plugin is recognised by. */
export const PLUGIN =
  'const plugin = { id: "handrail", server: async () => ({}) };\nexport default plugin;\n';

export interface Lab {
  dir: string;
  root: string;
  env: NodeJS.ProcessEnv;
  /** A built plugin outside every repository, in a place that stays. */
  plugin: string;
  place(level?: Level): Place;
  write(path: string, content: string | Buffer): string;
}

/** A folder with a project and a home, gone when the test ends. Temporary files go elsewhere: it stays. */
export function lab(): Lab {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "handrail install é-")));
  vi.stubEnv("TMPDIR", join(dir, "tmp"));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true, force: true });
  });
  const write = (path: string, content: string | Buffer) => {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  mkdirSync(join(dir, "tmp"));
  mkdirSync(join(dir, "home"));
  mkdirSync(join(dir, "my project", ".git"), { recursive: true });
  const root = join(dir, "my project");
  const env = { HOME: join(dir, "home"), HANDRAIL_STATE_DIR: join(dir, "state") };
  const plugin = write("lib/opencode-plugin/index.js", PLUGIN);
  return { dir, root, env, plugin, write, place: (level = "project") => ({ level, root, env }) };
}
