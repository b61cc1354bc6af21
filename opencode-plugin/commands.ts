import { type CommandRecord, readCommands } from "../shared/confine/commands.ts";
import { placesIn } from "../shared/confine/places.ts";
import type { NewRunEvent } from "../shared/run/events.ts";
import { otherRuns } from "../shared/run/others.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { runDir } from "../shared/run/store.ts";
import type { Seen } from "../shared/run/turn-audit.ts";
import { type Audit, auditTurn } from "../shared/tree/audit.ts";
import { readJournal } from "../shared/tree/journal.ts";
import { closeWindow, lookThroughWindows, openWindow } from "../shared/tree/shell-window.ts";
import type { Hold } from "./hold.ts";
import { shellCallID } from "./shell.ts";

/** What ran without confinement, and the count of it in a turn's evidence. */
const COUNTED = {
  command: "commands",
  formatter: "formatters",
  "language-servers": "languageServers",
} as const;

/**
 * The code that runs in a turn: shell commands and, where OpenCode itself starts them, formatters and
 * language servers. What cannot be held is compared, before and after.
 */
export class Commands {
  /** What the end of the turn is judged by, besides the run's log, which an unconfined command could edit. */
  readonly seen = {
    held: new Set<string>(),
    unconfined: { commands: 0, formatters: 0, languageServers: 0 },
    doubts: [] as string[],
  } satisfies Seen;
  readonly #run: RunRecord;
  readonly #since = new Date().toISOString();
  readonly #log: (event: NewRunEvent) => void;
  readonly #running = new Set<string>();
  /** Of those, the ones that nothing holds. */
  readonly #open = new Set<string>();

  /** @param run whose turn it is: what other runs wrote meanwhile is not its commands' work */
  constructor(run: RunRecord, log: (event: NewRunEvent) => void) {
    this.#run = run;
    this.#log = log;
  }

  /** Whether a command may be running; one that was killed counts until the turn's end. */
  get running(): boolean {
    return this.#running.size > 0;
  }

  runs(callID: string): boolean {
    return this.#running.has(callID);
  }

  /**
   * A shell command is about to run; may be told twice of the same one.
   * @param asked its shell has been asked for: before that OpenCode may still ask a person, and never run it
   */
  async starts(hold: Hold, callID: string, tool: string, asked: boolean): Promise<void> {
    this.#running.add(callID);
    if (!asked) return;
    if (hold.shell.confinement.kind === "none") {
      if (!this.#open.has(callID)) await this.watch(hold, "command", callID, tool);
      return;
    }
    const id = shellCallID(callID);
    if (this.seen.held.has(id)) return;
    this.seen.held.add(id);
    this.#log({ type: "shell", callID: shellCallID(callID), confinement: "overlay", what: "command" });
  }

  /** Code may run unconfined from here on: until the call ends, else until the turn does. */
  async watch(hold: Hold, what: keyof typeof COUNTED, callID: string, tool: string = what): Promise<void> {
    this.seen.unconfined[COUNTED[what]] += 1;
    if (what !== "language-servers") this.#open.add(callID);
    this.#log({ type: "shell", callID: shellCallID(callID), confinement: "none", what });
    await openWindow(hold.snapshot, { tool, callID });
  }

  /** Another plugin has set OpenCode's shell: templates, of which no hook tells, may have run unheld. */
  replaced(): void {
    if (this.seen.doubts.length === 0) this.seen.doubts.push("another plugin has replaced Handrail's shell");
  }

  /** What Handrail's shell has said of a packet's command that it held, once it has ended. */
  saidOf(callID: string): CommandRecord | undefined {
    const { root, run_id, spec } = this.#run;
    if (spec.packet === undefined || !this.#running.has(callID)) return undefined;
    const id = shellCallID(callID);
    return readCommands(placesIn(runDir(root, run_id)).commands).find((one) => one.callID === id);
  }

  /** A call has ended. @returns what of its work is out of scope */
  async ended(hold: Hold, callID: string): Promise<Audit["outOfScope"]> {
    this.#running.delete(callID);
    if (!this.#open.delete(callID)) return [];
    const changed = await closeWindow(hold.snapshot, hold.journal, callID);
    return changed ? this.#outOfScope(hold) : [];
  }

  /** What commands did out of scope whose end nobody has seen: OpenCode says nothing of those it kills. */
  async look(hold: Hold): Promise<Audit["outOfScope"]> {
    if (this.#open.size === 0) return [];
    const changed = await lookThroughWindows(hold.snapshot, hold.journal);
    return changed ? this.#outOfScope(hold) : [];
  }

  async #outOfScope({ snapshot, matcher }: Hold): Promise<Audit["outOfScope"]> {
    if (!matcher) return [];
    const journal = readJournal(snapshot.store.dir);
    const { unconfined } = this.seen;
    const othersWrote = otherRuns(this.#run, this.#since);
    const { outOfScope } = await auditTurn({ snapshot, journal, matcher, unconfined, othersWrote });
    return outOfScope;
  }
}
