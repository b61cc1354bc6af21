/**
 * What the plugin keeps in memory: its hooks, called as OpenCode calls them, in OpenCode's own Bun. There is no
 * OpenCode behind the client, so that what OpenCode itself keeps does not count. Started by the bench.
 */
import { writeSync } from "node:fs";
import type { Plugin } from "@opencode-ai/plugin";

const [file = "", root = "", calls = "10000"] = process.argv.slice(2);
declare const Bun: { gc(force: boolean): void };

/** As much of OpenCode's client as the plugin asks for. */
const state: { shell?: string } = {};
const client = {
  app: { log: async () => ({ data: true }) },
  config: { get: async () => ({ data: state }) },
  session: {
    get: async () => ({ data: {} }),
    messages: async () => ({ data: [] }),
    update: async () => ({ data: {} }),
  },
};

const { default: plugin } = (await import(file)) as { default: { server: Plugin } };
const hooks = await plugin.server({ client, directory: root, worktree: root } as never);
const session = { sessionID: "ses_1" };
await hooks.config?.(state as never);
await hooks["chat.message"]?.(
  session as never,
  {
    message: { ...session, agent: "build", model: { providerID: "lab", modelID: "lab" } },
    parts: [{ type: "text", text: "Change it\n\nFiles to modify:\n- src/a.js\n- src/lib/\n" }],
  } as never,
);

const TOOLS: [string, Record<string, unknown>][] = [
  ["read", { filePath: "src/a.js" }],
  ["write", { filePath: "src/a.js", content: "x" }],
  ["write", { filePath: "d1/e1/f1.txt", content: "x" }],
  ["todowrite", { todos: [] }],
];

let refused = 0;
async function work(from: number, to: number): Promise<number> {
  for (let number = from; number < to; number++) {
    const [tool, args] = TOOLS[number % TOOLS.length] ?? ["", {}];
    const call = { ...session, tool, callID: `call-${number}` };
    try {
      await hooks["tool.execute.before"]?.(call, { args });
      await hooks["tool.execute.after"]?.({ ...call, args }, { title: "", output: "", metadata: {} });
    } catch {
      refused += 1;
    }
    hooks.event?.({
      event: { type: "session.status", properties: { ...session, status: { type: "busy" } } },
    } as never);
  }
  // What is still under way holds memory, too.
  await new Promise((resolve) => setTimeout(resolve, 200));
  Bun.gc(true);
  return process.memoryUsage().heapUsed / 1024 ** 2;
}

const most = Number(calls);
const early = await work(0, most / 10);
const late = await work(most / 10, most);
writeSync(1, `${JSON.stringify({ early, late, refused })}\n`);
process.exit(0);
