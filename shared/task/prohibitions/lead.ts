import type { KindOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";

/** What kind of words follow a lead, or belong to it. */
export interface Lead {
  kind:
    | "verb"
    | "gerund"
    | "noun"
    /** The words before are a thing that is to stay as it is. */
    | "state"
    /** The words before are a thing or an act that is not allowed. */
    | "disallowed"
    | "passive"
    /** "Under no circumstances should x be changed". */
    | "inverted"
    | "leave"
    | "direct"
    | "nothing"
    | "advice";
  /** Where what follows the lead begins. */
  from: number;
  /** The words before belong to it. */
  subject?: boolean;
  /** It only says that something is not needed, or names what another file is preferred to. */
  soft?: boolean;
}

/** A word that may begin a prohibition, and what stands around it. */
export interface Spot {
  tokens: readonly Token[];
  at: number;
  /** Where the clause begins. */
  start: number;
  token: Token;
  before: Token | undefined;
  /** Whether a prohibition can begin here: at the start, after a comma, after "please", "but" and the like. */
  opens: boolean;
  kindOf: KindOf;
  /** The word so many steps on. */
  word(step: number): string;
}

export const modals = /^(must|should|may|shall|can|will|might)$/;

/** Words of a subject that is the work itself or who does it: "the patch must not ...". */
const executor = new Set(
  `the this your our any all these a each its and or opencode open code agent executor model assistant
  you it we they there change changes patch patches diff fix implementation solution task work edit
  edits commit pr result refactoring refactor that which new model session run of in to case under
  circumstances no however but also please though still so then important is are be`.split(/\s+/),
);

/** Whether the words are the executor or its work, and say nothing of a file. */
export function isExecutor(tokens: readonly Token[]): boolean {
  return tokens.every((token) => executor.has(token.lower));
}
