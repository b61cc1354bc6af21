import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { sessionExports } from "../../../claude-hooks/session/exports.ts";
import { BLOCKING_PROVIDER, USER_CONFIG_VARIABLE } from "../../../shared/config/failclosed.ts";

const shells = ["sh", "bash", "dash", "zsh", "busybox"].filter(
  (shell) => spawnSync("sh", ["-c", `command -v ${shell}`]).status === 0,
);
const inbox = '/tmp/it\'s a $(folder) "inbox"/x';
const block = { enabled_providers: [BLOCKING_PROVIDER] };

/** The environment of a command after the exports, sourced once for each of `times`. */
function armed(shell: string, own: string | undefined, times = 1): Record<string, string> {
  const show = `${process.execPath} -e 'process.stdout.write(JSON.stringify(process.env))'`;
  const script = `${sessionExports("s-1", inbox).repeat(times)}${show}`;
  const output = execFileSync(shell, [...(shell === "busybox" ? ["sh"] : []), "-c", script], {
    env: { PATH: process.env.PATH, ...(own === undefined ? {} : { OPENCODE_CONFIG_CONTENT: own }) },
    encoding: "utf8",
    // bash takes a socket on stdin for a remote shell, and reads the person's own .bashrc.
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output);
}

test.each(shells)("%s: who asked, and where to call back", (shell) => {
  const env = armed(shell, undefined);
  expect(env).toMatchObject({ HANDRAIL_ORIGIN_SESSION_ID: "s-1", HANDRAIL_INBOX: inbox });
  expect(JSON.parse(env.OPENCODE_CONFIG_CONTENT ?? "")).toEqual(block);
  expect(env).not.toHaveProperty(USER_CONFIG_VARIABLE);
});

test.each(shells)("%s: the user's configuration is merged and kept, however often it is sourced", (shell) => {
  for (const own of [
    '{"model":"a/b"}',
    '{ "model": "a/b", "enabled_providers": ["a"] }\n',
    '{"agent":{"x":{"prompt":"it\'s $HOME `date` \\\\ \\"}\\" {"}}}',
    '{\n  "provider": { "p": {} }\n}',
  ]) {
    for (const times of [1, 2]) {
      const env = armed(shell, own, times);
      expect(JSON.parse(env.OPENCODE_CONFIG_CONTENT ?? "")).toEqual({ ...JSON.parse(own), ...block });
      expect(env[USER_CONFIG_VARIABLE]).toBe(own);
    }
  }
});

test.each(shells)("%s: an empty configuration is none", (shell) => {
  for (const own of ["", "{}", " {\n} "]) {
    expect(JSON.parse(armed(shell, own).OPENCODE_CONFIG_CONTENT ?? "")).toEqual(block);
  }
});
