import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, onTestFinished, vi } from "vitest";
import { bundle } from "../../lab/bundle.ts";
import { closing } from "../../lab/cleanup.ts";
import { connectMcp } from "../../lab/mcp-client.ts";
import { makeRepo, SAMPLE } from "../../lab/repo.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

/** `handrail mcp`, bundled once for a test file. @returns what sets up a project and its server, in a test */
export function bridge() {
  let dir = "";
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "handrail-mcp-"));
    await bundle(dir, "claude-hooks/companion/main.ts");
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return async (more: NodeJS.ProcessEnv = {}) => {
    const sandbox = closing(makeSandbox());
    // This process makes records that the server then reads.
    vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const repo = makeRepo(join(sandbox.dir, "repo"), SAMPLE);
    const command = [process.execPath, join(dir, "main.mjs"), "mcp"];
    // No OpenCode: what needs it is tested with the real one.
    const env = { ...sandbox.env, PATH: "/usr/bin:/bin", ...more };
    const open = async (cwd = repo.root, extra: NodeJS.ProcessEnv = {}) =>
      closing(await connectMcp(command, cwd, { ...env, ...extra }));
    return { sandbox, repo, command, env, open };
  };
}
