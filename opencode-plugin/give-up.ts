import { dirname } from "node:path";
import type { Escalation } from "../shared/callback/payload.ts";
import { startFlusher } from "../shared/callback/start.ts";
import type { CommandRecord } from "../shared/confine/commands.ts";
import { CONTEXT, escalate } from "../shared/run/escalate.ts";
import type { RunRecord } from "../shared/run/record.ts";
import type { Refusal, RefusalCode } from "../shared/scope/decision.ts";
import { quote } from "../shared/scope/quote.ts";
import { type AbortReason, abortsOn } from "../shared/task/abort.ts";
import type { BindingContext } from "./binding.ts";

/** How an executor says that it lacks something: a line of its answer (`packet-briefing.ts` asks for it). */
export const MISSING_CONTEXT = "MISSING CONTEXT:";
const MISSING = /^[ \t>*_#-]*MISSING CONTEXT[ \t*_]*:[ \t*_]*([^\s<].*)$/m;
const MOST_WORDS = 300;

/** Refusals that say where an executor wants to go, and not how. */
const DRIFTS: ReadonlySet<RefusalCode> = new Set([
  "out-of-scope",
  "forbidden",
  "inspect-only",
  "control-file",
  "outside-repository",
]);

type Trouble = Escalation & { reason: AbortReason };

/** The turn that may be ended. */
export interface Ending {
  record: RunRecord;
  readonly open: boolean;
}

/**
 * What a packet's run is ended for before its executor is finished (`retry_abort.abort_on`), as soon as it can be
 * known: another task's lease in the way, writes out of scope again and again, context that the executor says is
 * missing. Whoever ordered the packet is told of it, once.
 */
export class GiveUp {
  readonly #turn: Ending;
  readonly #limit: number;
  readonly #context: BindingContext;
  /** Paths that were refused, and folders in which commands wrote. */
  readonly #drift = new Set<string>();
  #reason: { code: AbortReason; message: string } | undefined;

  /** @param limit so many acts out of scope are drift */
  constructor(turn: Ending, limit: number, context: BindingContext) {
    this.#turn = turn;
    this.#limit = limit;
    this.#context = context;
  }

  /** Why the run has been ended, if it has. */
  get reason(): { code: AbortReason; message: string } | undefined {
    return this.#reason;
  }

  /** What every further write is refused with. */
  get refusal(): Refusal | undefined {
    return this.#reason && { decision: "refuse", code: "ended", detail: this.#reason.message };
  }

  /** A call was refused. */
  refused({ code, path = "", detail = "" }: Refusal): void {
    if (code === "leased") {
      const message = `a write to ${quote(path, 100)} was refused: ${detail}`;
      this.#meet({ reason: "conflict_unresolved", message });
    } else if (DRIFTS.has(code)) this.#drifts(path);
  }

  /** A command has ended, and some of its changes were not applied. */
  dropped({ refused }: Pick<CommandRecord, "refused">): void {
    const leased = refused.find(({ code }) => code === "leased");
    if (leased) this.refused({ decision: "refuse", code: "leased", path: leased.path });
    if (leased) return;
    // By its folder: what a test run leaves each time under another name is one place.
    const [first] = refused.filter(({ code }) => DRIFTS.has(code));
    if (first) this.#drifts(`${dirname(first.path)}/`);
  }

  /** The run was blocked: something out of scope landed. */
  blocked(detail: string): void {
    this.#meet({ reason: "scope_drift", message: detail });
  }

  /** The executor has said something, to the end of a part of its answer. */
  said(text: string): void {
    const words = MISSING.exec(text)?.[1]?.trim().slice(0, MOST_WORDS);
    if (words !== undefined) this.#meet({ reason: "missing_context", message: CONTEXT, words });
  }

  #drifts(where: string): void {
    this.#drift.add(where);
    if (this.#drift.size < this.#limit) return;
    const places = [...this.#drift].slice(0, 5).map((one) => quote(one, 60));
    const message = `${this.#drift.size} acts out of its scope were refused: ${places.join(", ")}`;
    this.#meet({ reason: "scope_drift", message });
  }

  #meet(trouble: Trouble): void {
    const { record, open } = this.#turn;
    const { packet } = record.spec;
    if (!packet || !open || this.#reason) return;
    const ends = abortsOn(packet, trouble.reason);
    if (!ends && trouble.reason === "scope_drift") return;
    try {
      escalate(record, trouble, this.#context.env);
      startFlusher(record.root, this.#context.env);
    } catch {
      // A state folder that cannot be written now: what the turn comes to is told at its end.
    }
    if (!ends) return;
    this.#reason = { code: trouble.reason, message: trouble.words ?? trouble.message };
    // Not waited for: this may be in the middle of the call that the abort ends.
    const id = record.session ?? "";
    this.#context.client.session.abort({ path: { id } }).catch(() => undefined);
  }
}
