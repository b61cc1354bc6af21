import { checkRouting, resolveAgent } from "../shared/callback/routing.ts";
import type { RunRecord } from "../shared/run/record.ts";
import type { Prompt } from "./said.ts";

/**
 * What a prompt shows of who does the work: agent and model as OpenCode resolved them.
 * @param asked the agent that was asked for by name, at the first prompt
 * @returns what changes on record, and what is wrong with it: another agent, or at the first prompt another
 *   model, than was asked for
 */
export function resolved(
  record: RunRecord,
  prompt: Prompt,
  asked: string | undefined,
): { patch: Partial<RunRecord>; wrong: string | undefined } {
  const { agent } = prompt;
  const model = `${prompt.model.providerID}/${prompt.model.modelID}`;
  const envelope = record.envelope && resolveAgent(record.envelope, agent, asked);
  const [wrong] = envelope ? checkRouting(envelope, { expectCallback: false }) : [];
  return {
    patch: { model, agent, ...(envelope ? { envelope } : {}) },
    wrong: wrong?.message ?? otherModel(record, model),
  };
}

function otherModel(record: RunRecord, model: string): string | undefined {
  const asked = record.turn === 1 ? record.asked?.model : undefined;
  if (asked === undefined || asked === model) return undefined;
  return `model ${JSON.stringify(asked)} was asked for, and ${JSON.stringify(model)} would do the work (a fallback)`;
}
