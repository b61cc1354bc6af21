import { type Redact, redactor } from "../shared/callback/redact.ts";
import { type Config, configSchema } from "../shared/config/config.ts";
import type { Shell } from "../shared/confine/shell.ts";
import { faultPoint } from "../shared/fault.ts";
import type { TurnEnd } from "../shared/run/close.ts";
import { logEvent } from "../shared/run/events.ts";
import { moveRun } from "../shared/run/move.ts";
import { identify } from "../shared/run/process.ts";
import { type RunRecord, withoutOutcome } from "../shared/run/record.ts";
import type { Action } from "../shared/scope/action.ts";
import type { Refusal } from "../shared/scope/decision.ts";
import type { Audit } from "../shared/tree/audit.ts";
import type { Binding, BindingContext } from "./binding.ts";
import { blockFor } from "./block.ts";
import { closeOrLeave } from "./close.ts";
import { Commands } from "./commands.ts";
import { GiveUp } from "./give-up.ts";
import { commandsDone, type Hold, makeHold } from "./hold.ts";
import { Milestones } from "./milestones.ts";
import { openServer } from "./open-server.ts";
import { Outcome } from "./outcome.ts";
import type { Ask } from "./questions.ts";
import { resolved } from "./resolved.ts";
import type { Answer, Prompt } from "./said.ts";
import { Waits } from "./waits.ts";

type Work = Extract<Action, { kind: "write" }>;

/**
 * One turn of a run: from a prompt to the root session going idle. Gathers the evidence as it comes,
 * on disk, so that whoever finds the turn unfinished can close it.
 */
export class Turn {
  record: RunRecord;
  readonly #commands: Commands;
  /** Where this process lets anybody drive OpenCode. */
  #openServer: string | undefined;
  /** What ended the run's right to write, once it was seen. */
  #block: Refusal | undefined;
  readonly #binding: Binding;
  /** The callback's address and token are in it, and in no other environment of this process. */
  readonly #context: BindingContext;
  readonly #redact: Redact;
  readonly #ready: Promise<Hold | undefined>;
  #problem: string | undefined;
  readonly #outcome = new Outcome();
  #ending: Promise<void> | undefined;
  readonly #waits: Waits;
  readonly #milestones: Milestones;
  readonly #giveUp: GiveUp;
  /** The agent that was asked for by name; the first prompt shows whether OpenCode has it. */
  #asked: string | undefined;

  /** Starts a turn; its hold is made in the background, and the first tool call waits for it. */
  constructor(record: RunRecord, binding: Binding, session: string, context: BindingContext) {
    this.#commands = new Commands(record, (event) => logEvent(this.record, event));
    this.#binding = binding;
    this.#context = context;
    this.#redact = redactor(context.env);
    this.#asked = record.turn === 0 ? record.agent : undefined;
    this.record = moveRun(withoutOutcome(record), "running", {
      turn: record.turn + 1,
      session,
      executor: identify(),
      started: record.started ?? new Date().toISOString(),
    });
    logEvent(this.record, { type: "turn", session });
    faultPoint("turn-running");
    const config = binding.kind === "run" ? binding.config : configSchema.parse({});
    this.#waits = new Waits(this, config, context);
    this.#giveUp = new GiveUp(this, config.driftRefusals, context);
    if (binding.kind === "read-only") this.#outcome.refuse({ code: binding.code, message: binding.detail });
    this.#milestones = new Milestones(this.record);
    this.#ready = this.#prepare(config);
  }

  get open(): boolean {
    return this.#ending === undefined;
  }

  /** What the turn is held by, once it is made; undefined for a turn that may do nothing (`problem`). */
  async hold(): Promise<Hold | undefined> {
    const hold = await this.#ready;
    return this.#problem === undefined ? hold : undefined;
  }

  /**
   * Why a call that may write is refused, whatever it wants: a command that nothing holds has left the scope,
   * or could leave it through OpenCode's own server.
   */
  async standing(action: Action): Promise<Refusal | undefined> {
    if (action.kind !== "write" && action.kind !== "shell" && action.kind !== "unknown") return undefined;
    const hold = await this.hold();
    if (hold) this.#judge(await this.#commands.look(hold));
    const over = this.#block ?? this.#giveUp.refusal;
    if (over || action.kind !== "shell" || this.#openServer === undefined) return over;
    return { decision: "refuse", code: "open-server", detail: this.#openServer };
  }

  /** Why the turn may not write, if it may not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Notes the model and agent that the root session's prompt was sent with. Another agent than asked may not write. */
  prompted(message: Prompt): void {
    if (message.sessionID !== this.record.session) return;
    const { patch, wrong } = resolved(this.record, message, this.#asked);
    this.#asked = undefined;
    this.record = moveRun(this.record, this.record.state, patch);
    if (wrong === undefined) return;
    this.#problem = wrong;
    this.#outcome.refuse({ code: "routing", message: wrong }, true);
  }

  /** @param root whether it is the root session's own answer */
  used(answer: Answer, root: boolean): void {
    if (root) this.#outcome.answered(answer);
    const { input, output, reasoning, cache } = answer.tokens;
    logEvent(this.record, {
      type: "usage",
      message: answer.id,
      model: `${answer.providerID}/${answer.modelID}`,
      usage: { input, output, reasoning, cacheRead: cache.read, cacheWrite: cache.write, cost: answer.cost },
    });
  }

  failed(name: string, message: string): void {
    const clean = this.#redact(message);
    this.#outcome.broke({ code: name, message: clean });
    logEvent(this.record, { type: "error", name, message: clean });
  }

  /** The provider is to be asked again, for this reason; undefined: it is being asked. */
  waits(reason: string | undefined): void {
    this.#outcome.waits(reason === undefined ? undefined : this.#redact(reason));
  }

  /** OpenCode has said something: it is alive. */
  sign(): void {
    this.#waits.sign();
  }

  /** The turn waits for an answer that only a person can give: on record until it came. */
  asked(request: string, ask: Ask): void {
    if (this.open) this.#waits.asked(request, { ...ask, words: this.#redact(ask.words) });
  }

  answered(request: string): void {
    if (this.open) this.#waits.answered(request);
  }

  /** What is under way, in a word; for a turn that nothing is heard of. */
  get doing(): string | undefined {
    if (this.#commands.running) return "bash";
    return this.#outcome.retries ? "retry" : undefined;
  }

  /** Whether the run was blocked in the middle of this turn. */
  get blocked(): boolean {
    return this.#block !== undefined;
  }

  refused(refusal: Refusal, tool: string): void {
    const { code, path, rule } = refusal;
    logEvent(this.record, {
      type: "refusal",
      code,
      tool,
      ...(path === undefined ? {} : { path }),
      ...(rule === undefined ? {} : { rule }),
    });
    this.#giveUp.refused(refusal);
  }

  /** The executor has said something. */
  said(text: string): void {
    this.#giveUp.said(this.#redact(text));
  }

  /** Keeps the pre-images of what an allowed call is about to write; waits while a command runs. */
  async writes(callID: string, tool: string, work: Work, directory: string): Promise<void> {
    const hold = await this.#ready;
    if (this.#commands.running && hold) await commandsDone(hold.shell);
    const paths = work.changes.flatMap((change) =>
      change.op === "move" ? [change.path, change.to] : [change.path],
    );
    if (!hold) return;
    hold.journal.begin({ via: "tool", tool, callID, paths, directory });
    if (this.#context.formatters) await this.#commands.watch(hold, "formatter", callID);
  }

  /** OpenCode's shell is not Handrail's any more. */
  shellReplaced(): void {
    this.#commands.replaced();
  }

  /** Whether a command with this call id was let through, and has not ended. */
  expects(callID: string): boolean {
    return this.#commands.runs(callID);
  }

  /** A shell command is about to run; `asked`: its shell was asked for. @returns the shell for it */
  async shellStarts(callID: string, tool: string, asked: boolean): Promise<Shell | undefined> {
    const hold = await this.hold();
    if (hold) await this.#commands.starts(hold, callID, tool, asked);
    return hold?.shell;
  }

  /**
   * A call has ended: what it wrote is now what the journal vouches for.
   * @returns what the model has to be told, where the run was blocked by it
   */
  async called(callID: string): Promise<Refusal | undefined> {
    const hold = await this.#ready;
    if (!hold) return undefined;
    hold.journal.end(callID);
    const said = this.#commands.saidOf(callID);
    if (said) this.#giveUp.dropped(said);
    const audit = await this.#commands.ended(hold, callID);
    this.#milestones.called();
    return this.#judge(audit);
  }

  /** The executor's list of steps, as it stands now: a step that is done is a milestone. */
  steps(list: unknown): void {
    this.#milestones.steps(list);
  }

  /** Closes the turn, once: evidence, record, callback. Never rejects; what fails is on the record. */
  finish(end: TurnEnd): Promise<void> {
    this.#waits.stop();
    this.#ending ??= this.#close(end);
    return this.#ending;
  }

  /** What is out of scope blocks the run at once; its bytes are kept, and nothing is put back. */
  #judge(outOfScope: Audit["outOfScope"]): Refusal | undefined {
    if (this.#block || !this.open) return undefined;
    const block = blockFor(this.record, outOfScope);
    if (!block) return undefined;
    this.record = block.record;
    this.#block = block.refusal;
    this.#giveUp.blocked(block.detail);
    return this.#block;
  }

  async #prepare(config: Config): Promise<Hold | undefined> {
    const binding = this.#binding;
    try {
      const hold = await makeHold(this.record, config, binding.kind !== "run");
      if (this.#context.languageServers)
        await this.#commands.watch(hold, "language-servers", "language-servers");
      this.#openServer = await openServer();
      const { kind, ...why } = hold.shell.confinement;
      this.record = moveRun(this.record, this.record.state, {
        ...(hold.baseline ? { baseline: hold.baseline } : {}),
        confinement: { kind, ...("reason" in why ? { reason: why.reason } : {}) },
      });
      if (binding.kind === "run") this.#milestones.start();
      return hold;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      this.#outcome.refuse({ code: "guard-failed", message: this.#problem });
      return undefined;
    }
  }

  async #close(end: TurnEnd): Promise<void> {
    (await this.#ready)?.release();
    try {
      const ended = { ...this.#outcome.at(end, this.#giveUp.reason), seen: this.#commands.seen };
      this.record = await closeOrLeave(this.record, ended, this.#context.env);
    } finally {
      // Where that cannot be written, whoever closes the run does it.
      if (this.#binding.kind === "run") await this.#binding.release().catch(() => undefined);
    }
  }
}
