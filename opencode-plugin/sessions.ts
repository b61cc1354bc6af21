import { faultPoint } from "../shared/fault.ts";
import type { TurnEnd } from "../shared/run/close.ts";
import { type Binding, type BindingContext, bind, type Found, find } from "./binding.ts";
import { closeOrLeave } from "./close.ts";
import type { Family } from "./family.ts";
import type { Ask } from "./questions.ts";
import type { Answer, Prompt } from "./said.ts";
import { Turn } from "./turn.ts";

/** A session family's binding, and the turn under way when it is bound to a run. */
export interface Bound {
  binding: Binding;
  turn?: Turn;
}

/** A prompt that OpenCode has taken, and not begun to work on. */
interface Waiting {
  /** Its text, then those of the prompts before it that wait, too. */
  texts: string[];
  found: Found;
  prompt: Prompt;
}

/**
 * The session families of one OpenCode instance: what each is bound to, which of their sessions are
 * busy, and the turn that ends when the root is idle and nobody else works any more.
 */
export class Sessions {
  readonly #context: BindingContext;
  readonly #family: Family;
  readonly #waiting = new Map<string, Waiting>();
  readonly #bound = new Map<string, Promise<Bound>>();
  /** The turns under way, for what cannot wait. */
  readonly #turns = new Map<string, Turn>();
  readonly #busy = new Map<string, Set<string>>();
  readonly #rootIdle = new Set<string>();
  /** The turns that are being closed, by root: with validation commands that may take long. */
  readonly #endings = new Map<string, { runId: string; done: Promise<void> }>();
  readonly #before: Promise<void>;

  /** @param before the end of the disposed instance whose place this one takes */
  constructor(context: BindingContext, family: Family, before: Promise<void> = Promise.resolve()) {
    this.#context = context;
    this.#family = family;
    this.#before = before;
  }

  /**
   * A prompt has arrived. Without a turn under way, one begins as soon as OpenCode begins to work: a prompt
   * may be meant for later (`noReply`), and then nothing would ever end its turn.
   * @returns whether the session is held to something
   */
  async prompted(sessionID: string, text: string, prompt: Prompt): Promise<boolean> {
    const root = await this.#family.rootOf(sessionID);
    if (root !== sessionID) return (await this.#begin(root)).binding.kind !== "free";
    const turn = (await this.#bound.get(root))?.turn;
    if (turn?.open) {
      turn.prompted(prompt);
      return true;
    }
    const earlier = this.#waiting.get(root);
    const texts = [text, ...(earlier?.texts ?? [])];
    // The run that the environment names is named once.
    const kept = earlier?.found.kind === "record" && earlier.found.preset ? earlier.found : undefined;
    const found = kept ?? (await find(this.#context, root, texts));
    this.#waiting.set(root, { texts, found, prompt });
    return found.kind !== "free";
  }

  /** Whether two sessions belong to one family; not, where one is unknown. */
  async areRelated(one: string, other: string): Promise<boolean> {
    try {
      return (await this.#family.rootOf(one)) === (await this.#family.rootOf(other));
    } catch {
      return false;
    }
  }

  /** What holds for a session that works or is about to, without starting anything else: for texts. */
  async of(sessionID: string): Promise<Bound | undefined> {
    const root = await this.#family.rootOf(sessionID);
    return this.#waiting.has(root) || this.#bound.has(root) ? this.#begin(root) : undefined;
  }

  /** What holds for a tool call or command. One that comes without a prompt (`/session/:id/shell`) starts a turn. */
  async acting(sessionID: string): Promise<Bound> {
    const root = await this.#family.rootOf(sessionID);
    const known = this.#bound.get(root);
    if (known && (await known).turn?.open === false && this.#bound.get(root) === known)
      this.#bound.delete(root);
    return this.#begin(root);
  }

  /** OpenCode has said something of a session: it is alive. Waits for nothing, since it comes with every word. */
  sign(sessionID: string): void {
    const root = this.#family.knownRoot(sessionID);
    if (root !== undefined) this.#turns.get(root)?.sign();
  }

  /** @param status `retry`: it waits to ask the provider again, because of `message` */
  async busy(sessionID: string, status: { type: string; message?: string }): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    const members = this.#busy.get(root) ?? new Set();
    this.#busy.set(root, members.add(sessionID));
    if (root !== sessionID) return;
    this.#rootIdle.delete(root);
    if (this.#waiting.has(root)) await this.#begin(root);
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
    this.#waiting.delete(root);
    await this.#bound.get(root);
    this.#end(root, { outcome: "aborted", error });
    this.#bound.delete(root);
    this.#busy.delete(root);
    this.#rootIdle.delete(root);
  }

  async failed(sessionID: string, name: string, message: string): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    // A sub-agent's failure is its parent's to deal with.
    if (root === sessionID) (await this.#bound.get(root))?.turn?.failed(name, message);
  }

  /** The model has said something, to the end of a part of its answer; a sub-agent says it to its parent. */
  async said(sessionID: string, text: string): Promise<void> {
    const root = await this.#family.rootOf(sessionID);
    if (root === sessionID) (await this.#bound.get(root))?.turn?.said(text);
  }

  /** Somebody has to answer before the family can go on. */
  async asked(sessionID: string, request: string, ask: Ask): Promise<void> {
    (await this.#bound.get(await this.#family.rootOf(sessionID)))?.turn?.asked(request, ask);
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
    await Promise.all(this.#bound.values());
    for (const root of [...this.#bound.keys()]) {
      const done = this.#rootIdle.has(root) && !this.#busy.get(root)?.size;
      this.#end(root, { outcome: done ? "idle" : "left" });
    }
    await Promise.all([...this.#endings.values()].map(({ done }) => done));
  }

  /** Whether any turn is being closed. */
  get closing(): boolean {
    return this.#endings.size > 0;
  }

  /** The end of a run's turn that is being closed; undefined for any other run. */
  ending(runId: string): Promise<void> | undefined {
    return [...this.#endings.values()].find((one) => one.runId === runId)?.done;
  }

  /** The family's binding, made now where there is none, or a prompt waits for a new one. */
  #begin(root: string): Promise<Bound> {
    const waiting = this.#waiting.get(root);
    const known = this.#bound.get(root);
    if (known && !waiting) return known;
    this.#waiting.delete(root);
    const fresh = this.#open(root, waiting);
    this.#bound.set(root, fresh);
    return fresh;
  }

  async #open(root: string, waiting: Waiting | undefined): Promise<Bound> {
    this.#rootIdle.delete(root);
    // A turn that is just ending still holds its run's record; another family's is waited for by its lease.
    await Promise.all([this.#before, this.#endings.get(root)?.done]);
    const found = waiting?.found ?? (await find(this.#context, root, []));
    const binding = await bind(this.#context, root, found);
    const record = binding.kind === "free" ? undefined : binding.record;
    if (!record) return { binding };
    try {
      const turn = new Turn(record, binding, root, this.#context);
      this.#turns.set(root, turn);
      if (waiting) turn.prompted(waiting.prompt);
      return { binding, turn };
    } catch (error) {
      if (binding.kind === "run") await binding.release();
      const detail = error instanceof Error ? error.message : String(error);
      await closeOrLeave(
        record,
        { outcome: "error", error: { code: "guard-failed", message: detail } },
        this.#context.env,
      );
      return { binding: { kind: "read-only", code: "guard-failed", detail } };
    }
  }

  async #endIfDone(root: string): Promise<void> {
    if (!this.#rootIdle.has(root) || this.#busy.get(root)?.size) return;
    this.#busy.delete(root);
    this.#rootIdle.delete(root);
    await this.#bound.get(root);
    faultPoint("idle-seen");
    this.#end(root, { outcome: "idle" });
  }

  /** Ends the family's turn, and forgets it with all that held it. */
  #end(root: string, end: TurnEnd): void {
    const turn = this.#turns.get(root);
    if (!turn?.open) return;
    const ending = { runId: turn.record.run_id, done: turn.finish(end) };
    const bound = this.#bound.get(root);
    this.#turns.delete(root);
    this.#endings.set(root, ending);
    void ending.done.finally(() => {
      if (this.#endings.get(root) === ending) this.#endings.delete(root);
      if (this.#bound.get(root) === bound) this.#bound.delete(root);
    });
  }
}
