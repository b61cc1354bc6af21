import { join } from "node:path";
import { startOpenAiServer } from "../openai-server.ts";
import { setUpOpencode } from "../opencode.ts";
import { makeSandbox } from "../sandbox.ts";
import { text } from "../script.ts";
import { alternate, type Bench, type Row } from "./measure.ts";
import { makeTree } from "./tree.ts";

/** What the plugin adds to a whole `opencode run` of one answer: a session that is free, and one that is held. */
export async function opencodeRows({ quick, say }: Bench): Promise<Row[]> {
  say("start of OpenCode with and without the plugin (some minutes)");
  const model = await startOpenAiServer([text("Done.")]);
  const boxes = ["bare", "plugin"].map((name) => ({ name, sandbox: makeSandbox(`handrail-bench-${name}-`) }));
  try {
    const runs = boxes.map(({ name, sandbox }) => {
      const root = makeTree(join(sandbox.dir, "repo"), 50);
      const plugins = name === "bare" ? [] : [join(process.cwd(), "opencode-plugin/dist/index.js")];
      const opencode = setUpOpencode({ sandbox, modelUrl: model.url, plugins });
      return async () => {
        const done = await opencode.run(root, ["run", "say done"]);
        if (done.code !== 0) throw new Error(`opencode ended with ${done.code}: ${done.stderr}`);
      };
    });
    const [bare, plugin] = runs;
    if (!bare || !plugin) throw new Error("nothing to run");
    const times = await alternate(quick ? 2 : 7, { bare, plugin });
    return [
      {
        what: "opencode run of one answer, with the plugin",
        beside: "without it",
        own: times.plugin,
        base: times.bare,
        target: { ratio: 1.05 },
      },
    ];
  } finally {
    for (const { sandbox } of boxes) await sandbox.close();
    await model.close();
  }
}
