import type { Token } from "../text/tokens.ts";
import type { Act } from "../text/words.ts";

/** A prohibition whose text is not yet put together from its words. */
export interface Draft {
  said: readonly Token[];
  /** Where in the item the prohibition itself begins. */
  at: number;
  /** What is not to be done; `none`: only a noun is given ("new dependencies"); `only`: all but the object. */
  acts: (Act | "none" | "only")[];
  /** The verbs, in their base form. */
  verbs: string[];
  /** To what. */
  object: Token[];
  /** Joined to another prohibition by "and": it may be no prohibition at all. */
  joined: boolean;
  /** It holds only for what the task does not name as a file to change. */
  soft: boolean;
}
