import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PluginInput } from "@opencode-ai/plugin";
import { createOpencodeClient } from "@opencode-ai/sdk";
import type { BindingContext } from "../../opencode-plugin/binding.ts";
import { takeEnvironment } from "../../opencode-plugin/environment.ts";
import { Family } from "../../opencode-plugin/family.ts";
import { Guard } from "../../opencode-plugin/guard.ts";
import { Sessions } from "../../opencode-plugin/sessions.ts";

/*
 * `node --expose-gc calls-process.mjs <root> <prompt> <turns> <calls>`: so many turns, each in a session of its
 * own, with so many calls, through the plugin's guard. Prints the heap in use after each turn, in bytes.
 */
const [root = "", text = "", turns = "", calls = ""] = process.argv.slice(2);
// Nobody listens there: a session that was heard of from its creation is never asked about.
const client = createOpencodeClient({ baseUrl: "http://127.0.0.1:9" });
const context: BindingContext = {
  client,
  root,
  env: takeEnvironment(process.env),
  lane: "cli",
  preset: { runId: undefined },
  ending: () => undefined,
  formatters: false,
  languageServers: false,
};
const family = new Family(client);
const sessions = new Sessions(context, family);
const input: Pick<PluginInput, "client" | "directory"> = { client, directory: root };
const guard = new Guard(sessions, input, root, () => {
  throw new Error("no command is run here");
});
const filePath = join(root, "src/a.ts");
const model = { providerID: "lab", modelID: "lab-1" };
const tokens = { input: 0, output: 0, reasoning: 0, cache: { read: 0, write: 0 } };
for (let turn = 0; turn < Number(turns); turn++) {
  const sessionID = `ses_${turn}`;
  family.learn(sessionID, undefined);
  await sessions.prompted(sessionID, text, { sessionID, agent: "build", model });
  await sessions.busy(sessionID, { type: "busy" });
  for (let nth = 0; nth < Number(calls); nth++) {
    const callID = `call-${nth}`;
    const args = { filePath, content: `export const a = ${nth % 7};\n` };
    await guard.before({ tool: "write", sessionID, callID }, { args });
    writeFileSync(filePath, args.content);
    await guard.after({ tool: "write", sessionID, callID, args }, { title: "", output: "", metadata: {} });
    sessions.sign(sessionID);
  }
  await sessions.used(sessionID, { id: `msg_${turn}`, ...model, cost: 0, tokens, finish: "stop" });
  await sessions.idle(sessionID);
  await sessions.drain();
  globalThis.gc?.();
  console.log(process.memoryUsage().heapUsed);
}
