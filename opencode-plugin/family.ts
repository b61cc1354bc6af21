import type { PluginInput } from "@opencode-ai/plugin";

type Client = PluginInput["client"];

/**
 * Which sessions belong together: a sub-agent's session has a parent, and what binds the root binds all.
 * Parents come from `session.created` (before the child's first tool call) and, for sessions of an
 * earlier process, from OpenCode's own store.
 */
export class Family {
  readonly #client: Client;
  readonly #parents = new Map<string, string | undefined>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Notes a session as it is created. */
  learn(sessionID: string, parentID: string | undefined): void {
    this.#parents.set(sessionID, parentID);
  }

  /** A session is gone. */
  forget(sessionID: string): void {
    this.#parents.delete(sessionID);
  }

  /** The root of a session whose whole family has been heard of; undefined for others. Asks nobody. */
  knownRoot(sessionID: string): string | undefined {
    let at = sessionID;
    // Deeper than any family: a ring ends here, too.
    for (let depth = 0; depth < 32; depth++) {
      if (!this.#parents.has(at)) return undefined;
      const parent = this.#parents.get(at);
      if (parent === undefined) return at;
      at = parent;
    }
    return undefined;
  }

  /**
   * @returns the root of a session's family: itself for a session without parent
   * @throws Error when OpenCode does not know the session, or the parents form a ring
   */
  async rootOf(sessionID: string): Promise<string> {
    const seen = new Set<string>();
    let at = sessionID;
    for (;;) {
      if (seen.has(at)) throw new Error(`the parents of session ${sessionID} form a ring`);
      seen.add(at);
      const parent = await this.#parentOf(at);
      if (parent === undefined) return at;
      at = parent;
    }
  }

  async #parentOf(sessionID: string): Promise<string | undefined> {
    if (this.#parents.has(sessionID)) return this.#parents.get(sessionID);
    const answer = await this.#client.session.get({ path: { id: sessionID } });
    if (!answer.data) throw new Error(`OpenCode does not know session ${sessionID}`);
    this.#parents.set(sessionID, answer.data.parentID);
    return answer.data.parentID;
  }
}
