import type { TurnEnd } from "../shared/run/close.ts";
import { type Binding, type BindingContext, bind } from "./binding.ts";
import type { Family } from "./family.ts";
import { type Answer, Turn } from "./turn.ts";

/** A session family's binding, and the turn under way when it is bound to a run. */
export interface Bound {
  binding: Binding;
  turn?: Turn;
}

/**
 * The session families of one OpenCode instance: what each is bound to, which of their sessions are
 * busy, and the turn that ends when the root is idle and nobody else works any more.
 */
export class Sessions {
  readonly #context: BindingContext;
  readonly #family: Family;
  readonly #bound = new Map<string, Promise<Bound>>();
  readonly #busy = new Map<string, Set<string>>();
  readonly #rootIdle = new Set<string>();
  readonly #endings = new Set<Promise<void>>();
  readonly #before: Promise<void>;

  /** @param before the end of the disposed instance whose place this one takes */
  constructor(context: BindingContext, family: Family, before: Promise<void> = Promise.resolve()) {
    this.#context = context;
    this.#family = family;
    this.#before = before;
  }

  /** A prompt has arrived. In a root session without a turn under way it binds anew and starts a turn. */
  async prompted(sessionID: string, text: string): Promise<Bound> {
    const root = await this.#family.rootOf(sessionID);
    const known = this.#bound.get(root);
    if (root !== sessionID) return this.#ensure(root, undefined);
    if (known && (await known).turn?.open) return known;
    // Unless another prompt was faster, which then has begun the turn of both.
    if (this.#bound.get(root) === known) this.#bound.delete(root);
    return this.#ensure(root, text);
  }

  /** Whether two sessions belong to one family; not, where one is unknown. */
  async areRelated(one: string, other: string): Promise<boolean> {
    try {
      return (await this.#family.rootOf(one)) === (await this.#family.rootOf(other));
    } catch {
      return false;
    }
  }

  /** What holds for a session, without starting anything: for texts. */
  async of(sessionID: string): Promise<Bound> {
    return this.#ensure(await this.#family.rootOf(sessionID), undefined);
  }

  /** What holds for a tool call or command. One that comes without a prompt (`/session/:id/shell`) starts a turn. */
  async acting(sessionID: string): Promise<Bound> {
    const root = await this.#family.rootOf(sessionID);
    const known = this.#bound.get(root);
    if (known && (await known).turn?.open === false && this.#bound.get(root) === known)
      this.#bound.delete(root);
    return this.#ensure(root, undefined);
  }

  /** @param status `retry`: it waits to ask the provider again, because of `message` */
  async busy(sessionID: string, status: { type: string; message?: string }): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    const members = this.#busy.get(root) ?? new Set();
    this.#busy.set(root, members.add(sessionID));
    if (root !== sessionID) return;
    this.#rootIdle.delete(root);
    (await this.#bound.get(root))?.turn?.waits(status.type === "retry" ? (status.message ?? "") : undefined);
  }

  /** A session is idle. Ends the family's turn once the root is, and no child works any more. */
  async idle(sessionID: string): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    // After an abort OpenCode says it twice; the second must not end a turn that has begun since.
    if (!this.#busy.get(root)?.delete(sessionID)) return;
    if (root === sessionID) this.#rootIdle.add(root);
    await this.#endIfDone(root);
  }

  /** A session was deleted: a root's turn ends, a child's is nothing to wait for. */
  async deleted(sessionID: string): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    this.#family.forget(sessionID);
    this.#busy.get(root)?.delete(sessionID);
    if (root !== sessionID) return this.#endIfDone(root);
    const error = { code: "session-deleted", message: "the session was deleted" };
    this.#end(await this.#bound.get(root), { outcome: "aborted", error });
    this.#bound.delete(root);
    this.#busy.delete(root);
    this.#rootIdle.delete(root);
  }

  async failed(sessionID: string, name: string, message: string): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    // A sub-agent's failure is its parent's to deal with.
    if (root === sessionID) (await this.#bound.get(root))?.turn?.failed(name, message);
  }

  /** Somebody has to answer before the family can go on. @param words what they are asked */
  async asked(sessionID: string, request: string, words: string): Promise<void> {
    (await this.#bound.get(await this.#family.rootOf(sessionID)))?.turn?.asked(request, words);
  }

  async answered(sessionID: string, request: string): Promise<void> {
    (await this.#bound.get(await this.#family.rootOf(sessionID)))?.turn?.answered(request);
  }

  async used(sessionID: string, answer: Answer): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    (await this.#bound.get(root))?.turn?.used(answer, root === sessionID);
  }

  /** Ends every turn still open (the process is leaving) and waits for all endings. */
  async drain(): Promise<void> {
    for (const [root, bound] of this.#bound) {
      const done = this.#rootIdle.has(root) && !this.#busy.get(root)?.size;
      this.#end(await bound, { outcome: done ? "idle" : "left" });
    }
    await Promise.all(this.#endings);
  }

  #ensure(root: string, prompt: string | undefined): Promise<Bound> {
    const known = this.#bound.get(root);
    if (known) return known;
    const fresh = this.#open(root, prompt);
    this.#bound.set(root, fresh);
    return fresh;
  }

  async #open(root: string, prompt: string | undefined): Promise<Bound> {
    this.#rootIdle.delete(root);
    // A turn that is just ending still holds its run's record and the working tree.
    await Promise.all([this.#before, ...this.#endings]);
    const binding = await bind(this.#context, root, prompt);
    const record = binding.kind === "free" ? undefined : binding.record;
    if (!record) return { binding };
    try {
      return { binding, turn: new Turn(record, binding, root, this.#context) };
    } catch (error) {
      if (binding.kind === "run") await binding.release();
      const detail = error instanceof Error ? error.message : String(error);
      return { binding: { kind: "read-only", code: "guard-failed", detail } };
    }
  }

  async #endIfDone(root: string): Promise<void> {
    if (!this.#rootIdle.has(root) || this.#busy.get(root)?.size) return;
    this.#busy.delete(root);
    this.#end(await this.#bound.get(root), { outcome: "idle" });
  }

  #end(bound: Bound | undefined, end: TurnEnd): void {
    if (!bound?.turn?.open) return;
    const ending = bound.turn.finish(end);
    this.#endings.add(ending);
    void ending.finally(() => this.#endings.delete(ending));
  }
}
