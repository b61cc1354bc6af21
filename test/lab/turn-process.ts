import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createOpencodeClient } from "@opencode-ai/sdk";
import type { BindingContext } from "../../opencode-plugin/binding.ts";
import { takeEnvironment } from "../../opencode-plugin/environment.ts";
import { Family } from "../../opencode-plugin/family.ts";
import { Sessions } from "../../opencode-plugin/sessions.ts";

/*
 * `turn-process.mjs <root> <session> <prompt> <content>`: lives through one turn with the plugin's own modules,
 * as they are called in OpenCode: a prompt, the write of src/a.ts, idle, dispose. For what the real OpenCode
 * is too slow to be killed at often enough.
 */
const [root = "", session = "", text = "", content = ""] = process.argv.slice(2);
const env = takeEnvironment(process.env);
const context: BindingContext = {
  // Nobody listens there: a session that was heard of from its creation is never asked about.
  client: createOpencodeClient({ baseUrl: "http://127.0.0.1:9" }),
  root,
  env,
  lane: "cli",
  preset: { runId: env.HANDRAIL_RUN_ID },
  ending: () => undefined,
  formatters: false,
  languageServers: false,
};
const family = new Family(context.client);
family.learn(session, undefined);
const sessions = new Sessions(context, family);
const model = { providerID: "lab", modelID: "lab-1" };
const { LAB_AGENT: agent = "build" } = process.env;
await sessions.prompted(session, text, { sessionID: session, agent, model });
await sessions.busy(session, { type: "busy" });
const { binding, turn } = await sessions.acting(session);
if (binding.kind !== "run" || !turn) throw new Error(`not bound: ${JSON.stringify(binding)}`);
const path = join(root, "src/a.ts");
const write = { kind: "write" as const, tool: "write", changes: [{ op: "write" as const, path }] };
if (!(await turn.hold())) throw new Error(turn.problem);
await turn.writes("call-1", "write", write, root);
writeFileSync(path, content);
await turn.called("call-1");
const tokens = { input: 0, output: 0, reasoning: 0, cache: { read: 0, write: 0 } };
await sessions.used(session, { id: "msg_1", ...model, cost: 0, tokens, finish: "stop" });
// What befalls the machine before the turn ends, as a shell command.
const { LAB_BEFORE_END } = process.env;
if (LAB_BEFORE_END) execFileSync("sh", ["-c", LAB_BEFORE_END], { stdio: "ignore" });
await sessions.idle(session);
await sessions.drain();
