/** What OpenCode tells of one answer of the model. */
export interface Answer {
  id: string;
  providerID: string;
  modelID: string;
  cost: number;
  tokens: { input: number; output: number; reasoning: number; cache: { read: number; write: number } };
  error?: unknown;
}

/** What OpenCode tells of one prompt. */
export interface Prompt {
  sessionID: string;
  agent: string;
  model: { providerID: string; modelID: string };
}
