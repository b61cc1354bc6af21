import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alternate, type Bench, type Row } from "./measure.ts";
import { makeTree } from "./tree.ts";

/** Claude's hooks, as Claude Code starts them. */
export async function hookRows({ dir, quick, say }: Bench): Promise<Row[]> {
  say("hooks of Claude Code");
  const plugin = join(process.cwd(), "claude-hooks");
  const root = makeTree(join(dir, "hooks"), 20);
  const data = join(dir, "data");
  mkdirSync(join(data, "sessions"), { recursive: true });
  mkdirSync(join(dir, "inbox"), { recursive: true });
  writeFileSync(join(data, "sessions", "s1"), `${join(dir, "inbox")}\n`);
  const env = {
    ...process.env,
    CLAUDE_PLUGIN_ROOT: plugin,
    CLAUDE_PLUGIN_DATA: data,
    CLAUDE_CODE_SESSION_ID: "s1",
  };
  const event = (command: string) =>
    JSON.stringify({
      ...{ session_id: "s1", transcript_path: "/dev/null", cwd: root, hook_event_name: "PreToolUse" },
      ...{ tool_name: "Bash", tool_input: { command }, tool_use_id: "t1" },
    });
  const run = (program: string, args: string[], input: string) => () => {
    const done = spawnSync(program, args, { cwd: root, env, input });
    if (done.status !== 0) throw new Error(`${args.join(" ")} ended with ${done.status}: ${done.stderr}`);
  };
  const hook = (name: string, input: string, ...more: string[]) =>
    run("sh", [join(plugin, "hooks", name), ...more], input);
  const work = event('echo opencode && grep -rn "opencode run" docs');
  const nothing = event("npm test");
  const times = await alternate(quick ? 9 : 41, {
    sh: run("sh", ["-c", ":"], ""),
    delegate: hook("delegate.sh", nothing),
    claim: hook("claim.sh", nothing, "tool"),
    node: run(process.execPath, ["-e", "0"], ""),
    work: hook("delegate.sh", work),
  });
  return [
    {
      what: "hook before Bash, nothing to do",
      beside: "sh -c :",
      own: times.delegate,
      base: times.sh,
      target: { addedMs: 6 },
    },
    {
      what: "hook after Bash, empty inbox",
      beside: "sh -c :",
      own: times.claim,
      base: times.sh,
      target: { addedMs: 6 },
    },
    {
      what: "hook before Bash, a command that mentions opencode",
      beside: "node -e 0",
      own: times.work,
      base: times.node,
      target: { ratio: 1.3 },
    },
  ];
}
