import type { Ending } from "../shared/run/unfinished.ts";

/** What OpenCode tells of one answer of the model. */
export interface Answer extends Ending {
  id: string;
  providerID: string;
  modelID: string;
  cost: number;
  tokens: { input: number; output: number; reasoning: number; cache: { read: number; write: number } };
}

/** What OpenCode tells of one prompt. */
export interface Prompt {
  sessionID: string;
  agent: string;
  model: { providerID: string; modelID: string };
}
