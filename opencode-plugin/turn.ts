import { type Redact, redactor } from "../shared/callback/redact.ts";
import { checkRouting, resolveAgent } from "../shared/callback/routing.ts";
import { closeTurn, type TurnEnd } from "../shared/run/close.ts";
import { logEvent } from "../shared/run/events.ts";
import { moveRun } from "../shared/run/move.ts";
import { identify } from "../shared/run/process.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { turnDir } from "../shared/run/store.ts";
import type { Action } from "../shared/scope/action.ts";
import type { Refusal } from "../shared/scope/decision.ts";
import { createMatcher, type Matcher } from "../shared/scope/matcher.ts";
import { surroundingsOf } from "../shared/scope/surroundings.ts";
import { captureBaseline } from "../shared/tree/baseline.ts";
import { Journal } from "../shared/tree/journal.ts";
import { openRepository } from "../shared/tree/repository.ts";
import { closeWindow, openWindow } from "../shared/tree/shell-window.ts";
import { takeSnapshot } from "../shared/tree/snapshot.ts";
import type { Snapshot } from "../shared/tree/snapshot-record.ts";
import type { Binding } from "./binding.ts";

/** What OpenCode tells of one answer of the model. */
export interface Answer {
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

type Work = Extract<Action, { kind: "write" }>;

/**
 * One turn of a run: from a prompt to the root session going idle. Gathers the evidence as it comes,
 * on disk, so that whoever finds the turn unfinished can close it.
 */
export class Turn {
  record: RunRecord;
  readonly confinement: "overlay" | "none" = "none";
  readonly #binding: Binding;
  /** The callback's address and token are in it, and in no other environment of this process. */
  readonly #env: NodeJS.ProcessEnv;
  readonly #redact: Redact;
  readonly #ready: Promise<void>;
  #matcher: Matcher | undefined;
  #journal: Journal | undefined;
  #snapshot: Snapshot | undefined;
  #problem: string | undefined;
  #failure: { code: string; message: string } | undefined;
  #aborted = false;
  #ending: Promise<void> | undefined;
  /** The agent that was asked for by name; the first prompt shows whether OpenCode has it. */
  #asked: string | undefined;

  /** Starts a turn; its snapshot goes on in the background, and the first tool call waits for it. */
  constructor(record: RunRecord, binding: Binding, session: string, env: NodeJS.ProcessEnv) {
    this.#binding = binding;
    this.#env = env;
    this.#redact = redactor(env);
    this.#asked = record.turn === 0 ? record.agent : undefined;
    this.record = moveRun(record, "running", {
      turn: record.turn + 1,
      session,
      executor: identify(),
      started: record.started ?? new Date().toISOString(),
      confinement: { kind: this.confinement, reason: "shell commands are not confined yet" },
    });
    logEvent(this.record, { type: "turn", session });
    if (binding.kind === "read-only") this.#failure = { code: binding.code, message: binding.detail };
    this.#ready = binding.kind === "run" ? this.#prepare(binding) : Promise.resolve();
  }

  get open(): boolean {
    return this.#ending === undefined;
  }

  /** The compiled scope, once the turn is ready; undefined for a turn that may not write. */
  async matcher(): Promise<Matcher | undefined> {
    await this.#ready;
    return this.#problem === undefined ? this.#matcher : undefined;
  }

  /** Why the turn may not write, if it may not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Notes the model and agent that the root session's prompt was sent with. Another agent than asked may not write. */
  prompted(message: Prompt): void {
    if (message.sessionID !== this.record.session) return;
    const { agent } = message;
    const model = `${message.model.providerID}/${message.model.modelID}`;
    const envelope = this.record.envelope && resolveAgent(this.record.envelope, agent, this.#asked);
    this.#asked = undefined;
    this.record = moveRun(this.record, this.record.state, {
      model,
      agent,
      ...(envelope ? { envelope } : {}),
    });
    const [wrong] = envelope ? checkRouting(envelope, { expectCallback: false }) : [];
    if (!wrong) return;
    this.#problem = wrong.message;
    this.#failure = { code: "routing", message: wrong.message };
  }

  used(answer: Answer): void {
    const { input, output, reasoning, cache } = answer.tokens;
    logEvent(this.record, {
      type: "usage",
      message: answer.id,
      model: `${answer.providerID}/${answer.modelID}`,
      usage: { input, output, reasoning, cacheRead: cache.read, cacheWrite: cache.write, cost: answer.cost },
    });
  }

  failed(name: string, message: string): void {
    this.#aborted = name === "MessageAbortedError";
    const clean = this.#redact(message);
    this.#failure = { code: name, message: clean };
    logEvent(this.record, { type: "error", name, message: clean });
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
  }

  /** Keeps the pre-images of what an allowed call is about to write. */
  async writes(callID: string, tool: string, work: Work, directory: string): Promise<void> {
    await this.#ready;
    const paths = work.changes.flatMap((change) =>
      change.op === "move" ? [change.path, change.to] : [change.path],
    );
    this.#journal?.begin({ via: "tool", tool, callID, paths, directory });
  }

  async shellStarts(callID: string, tool: string): Promise<void> {
    await this.#ready;
    if (this.#snapshot) await openWindow(this.#snapshot, { tool, callID });
    logEvent(this.record, { type: "shell", callID, confinement: this.confinement });
  }

  /** A call has ended: what it wrote is now what the journal vouches for. */
  async called(callID: string): Promise<void> {
    await this.#ready;
    this.#journal?.end(callID);
    if (this.#snapshot && this.#journal) await closeWindow(this.#snapshot, this.#journal, callID);
  }

  /** Closes the turn, once: evidence, record, callback. Never rejects; what fails is on the record. */
  finish(end: TurnEnd): Promise<void> {
    this.#ending ??= this.#close(end);
    return this.#ending;
  }

  async #prepare(binding: Extract<Binding, { kind: "run" }>): Promise<void> {
    const { spec, root } = this.record;
    try {
      const repo = await openRepository(root);
      const baseline = await captureBaseline(repo, {
        slug: spec.corrects ?? spec.slug,
        allow: spec.scope.allow,
      });
      const { scratch } = binding.config;
      this.#snapshot = await takeSnapshot(repo, turnDir(this.record), { scratch, allow: spec.scope.allow });
      this.record = moveRun(this.record, this.record.state, {
        baseline: { baseline: baseline.baseline, full: baseline.full },
      });
      this.#journal = new Journal(turnDir(this.record), root, repo.objectFormat);
      this.#matcher = createMatcher(spec.scope, surroundingsOf(root));
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      this.#failure = { code: "guard-failed", message: this.#problem };
    }
  }

  async #close(end: TurnEnd): Promise<void> {
    await this.#ready;
    try {
      this.record = await closeTurn(
        this.record,
        this.#failure ? this.#failedEnd(this.#failure) : end,
        this.#env,
      );
    } catch (error) {
      // OpenCode must go on, and dispose must end. The run stays open on record: the next Handrail
      // process that comes by closes it.
      logEvent(this.record, {
        type: "error",
        name: "close-failed",
        message: this.#redact(error instanceof Error ? error.message : String(error)),
      });
    } finally {
      if (this.#binding.kind === "run") this.#binding.release();
    }
  }

  #failedEnd(error: { code: string; message: string }): TurnEnd {
    return { outcome: this.#aborted ? "aborted" : "error", error };
  }
}
