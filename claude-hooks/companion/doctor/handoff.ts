import { loadConfig } from "../../../shared/config/config.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { findProgram } from "../../../shared/serve/program.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { locateTask } from "../../../shared/task/locate.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { handoffChecklist, type Item } from "../handoff/checklist.ts";
import { resolveWish } from "../handoff/resolve.ts";
import { ok, problem, warning } from "./part.ts";

export interface Asked {
  handoff?: string | undefined;
  agent?: string | undefined;
  model?: string | undefined;
}

/**
 * The checks before work is handed over: the packet's checklist, and what OpenCode makes of an agent and a model.
 * @throws HandrailError what opening the repository and locating the packet throw
 */
export async function handoffParts(asked: Asked, cwd: string, env: NodeJS.ProcessEnv): Promise<Item[]> {
  const { root } = await openRepository(cwd);
  const items: Item[] = [];
  if (asked.handoff !== undefined) {
    const file = locateTask(asked.handoff, root, cwd);
    items.push(
      ...handoffChecklist({ root, file, spec: loadTask(file, root), config: loadConfig(root), env }),
    );
  }
  if (asked.agent !== undefined || asked.model !== undefined) items.push(await resolves(asked, root, env));
  return items;
}

/** Which agent and model would do the work, by OpenCode's own words: its configuration and its agent. */
async function resolves({ agent, model }: Asked, root: string, env: NodeJS.ProcessEnv): Promise<Item> {
  const name = "agent";
  const program = findProgram("opencode", root, env);
  if (!program) return { name, ...problem("no opencode on PATH", "npm install -g opencode-ai") };
  try {
    const found = await resolveWish({ program, root, env, agent, model, diagnose: true });
    const who = agent === undefined ? "OpenCode's default agent" : `agent ${agent}`;
    const what = found.model === undefined ? "OpenCode's default model" : `model ${found.model}`;
    const because = found.because === "OpenCode's default" ? "" : ` (${found.because})`;
    if (model !== undefined && found.agentModel !== undefined) {
      const message = `${who} names model ${found.agentModel} itself; --model ${model} goes before it`;
      return { name, ...warning(message, "opencode debug agent; the run says what did the work") };
    }
    return { name, ...ok(`${who} resolves, with ${what}${because}`) };
  } catch (error) {
    if (!(error instanceof HandrailError)) throw error;
    return { name, ...problem(error.message, error.fix ?? "opencode debug config") };
  }
}
