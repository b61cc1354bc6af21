import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import * as z from "zod/mini";
import { HandrailError } from "../../../shared/errors.ts";
import { takeStart } from "../../../shared/serve/start-gate.ts";
import { stateDir } from "../../../shared/state/place.ts";
import { type Ended, firstLine, runProgram } from "../install/program.ts";

/** What `opencode debug agent NAME` says (1.18.33), as far as it matters here. */
const agentSchema = z.looseObject({
  name: z.string(),
  mode: z.optional(z.string()),
  model: z.optional(z.union([z.string(), z.looseObject({ providerID: z.string(), modelID: z.string() })])),
});
/** The same of `opencode debug config`. */
const configSchema = z.looseObject({ model: z.optional(z.string()) });

export interface Wish {
  program: string;
  root: string;
  env: NodeJS.ProcessEnv;
  agent?: string | undefined;
  model?: string | undefined;
  /** Asks for the configuration, too: to say where the model comes from. */
  diagnose?: boolean;
}

/** What OpenCode makes of an agent and a model, by its own words. */
export interface Resolved {
  /** Which model it would use, and why that one; undefined where it does not say. */
  model: string | undefined;
  because: "asked for" | "the agent's own" | "the configuration's" | "OpenCode's default";
  /** The agent's own model, where it is another than the one asked for. */
  agentModel: string | undefined;
}

/**
 * Asks OpenCode whether an agent and a model resolve, before anything is started: `opencode run` would take
 * its default agent instead of one it does not know, or of a sub-agent.
 * @throws HandrailError `bad-usage` for an agent or model that does not
 */
export async function resolveWish(wish: Wish): Promise<Resolved> {
  const { agent, config, models } = await askAll(wish);
  const agentModel = agent && ownModel(wish.agent ?? "", agent);
  if (models && wish.model !== undefined) requireModel(wish.model, models);
  const parsed = configSchema.safeParse(config?.code === 0 ? parse(config.stdout) : {});
  const configured = parsed.success ? parsed.data.model : undefined;
  if (wish.model !== undefined) {
    return {
      model: wish.model,
      because: "asked for",
      agentModel: agentModel === wish.model ? undefined : agentModel,
    };
  }
  if (agentModel !== undefined) return { model: agentModel, because: "the agent's own", agentModel };
  return configured === undefined
    ? { model: undefined, because: "OpenCode's default", agentModel }
    : { model: configured, because: "the configuration's", agentModel };
}

/** One after the other, and while no other OpenCode starts: in a new home each may have to make the database. */
async function askAll(wish: Wish): Promise<{ agent?: Ended; config?: Ended; models?: Ended }> {
  const started = await takeStart(wish.env);
  try {
    return {
      ...(wish.agent === undefined ? {} : { agent: await run(wish, ["debug", "agent", wish.agent]) }),
      ...(wish.diagnose ? { config: await run(wish, ["debug", "config"]) } : {}),
      ...(wish.model === undefined ? {} : { models: await run(wish, ["models"]) }),
    };
  } finally {
    started();
  }
}

/**
 * Asks OpenCode, with a state folder of its own: one that ends so early leaves a lock there, for which the next
 * one waits a minute (1.18.33, measured).
 */
async function run({ program, root, env }: Wish, args: string[]): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), "handrail-ask-"));
  try {
    const apart = { XDG_STATE_HOME: folder, HANDRAIL_STATE_DIR: stateDir(env), PWD: root };
    return await runProgram(program, args, { cwd: root, env: { ...env, ...apart } });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The model that the agent's definition names. */
function ownModel(name: string, said: Ended): string | undefined {
  if (said.code === null) {
    throw new HandrailError("run-failed", "OpenCode did not say in time which agents it has", {
      fix: `opencode debug agent ${name}`,
    });
  }
  const parsed = agentSchema.safeParse(said.code === 0 ? parse(said.stdout) : undefined);
  if (!parsed.success) {
    const words = firstLine(said.stderr) || firstLine(said.stdout);
    throw new HandrailError(
      "bad-usage",
      `OpenCode has no agent ${JSON.stringify(name)} here${words ? ` (${words.slice(0, 160)})` : ""}`,
      { fix: "opencode agent list; opencode debug config" },
    );
  }
  const { mode, model } = parsed.data;
  if (mode === "subagent") {
    throw new HandrailError(
      "bad-usage",
      `${JSON.stringify(name)} is a sub-agent: OpenCode would take its default agent instead`,
      { fix: `name a primary agent, or change its mode; opencode debug agent ${name}` },
    );
  }
  return typeof model === "object" ? `${model.providerID}/${model.modelID}` : model;
}

function requireModel(model: string, said: Ended): void {
  const known = said.stdout.split("\n").map((line) => line.trim());
  // An OpenCode that cannot list its models says nothing about this one.
  if (said.code !== 0 || !known.some((line) => line.includes("/")) || known.includes(model)) return;
  const [provider = ""] = model.split("/");
  const near = known.filter((line) => line.startsWith(`${provider}/`)).slice(0, 5);
  throw new HandrailError("bad-usage", `OpenCode has no model ${JSON.stringify(model)} here`, {
    fix: near.length > 0 ? `one of ${near.join(", ")}` : "opencode models",
  });
}
