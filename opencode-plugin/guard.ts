import { randomUUID } from "node:crypto";
import type { Hooks, PluginInput } from "@opencode-ai/plugin";
import { LeaseGuard, pathsOf } from "../shared/lock/permit.ts";
import { leasesDir } from "../shared/lock/store.ts";
import { actionOf, NOTHING_DECLARED } from "../shared/scope/actions.ts";
import { decide } from "../shared/scope/decide.ts";
import type { Decision, Refusal } from "../shared/scope/decision.ts";
import { refusalText } from "../shared/scope/refusal.ts";
import { judgeShell } from "../shared/shell/judge.ts";
import type { Bound, Sessions } from "./sessions.ts";
import type { InstanceShell } from "./shell.ts";

type Before = NonNullable<Hooks["tool.execute.before"]>;
type ShellEnv = NonNullable<Hooks["shell.env"]>;
type After = NonNullable<Hooks["tool.execute.after"]>;

/** Holds every tool call of an instance to what its session is bound to. */
export class Guard {
  readonly #sessions: Sessions;
  readonly #client: PluginInput["client"];
  readonly #root: string;
  readonly #directory: string;
  readonly #shell: () => InstanceShell;
  /** For what belongs to no run. */
  readonly #leases: LeaseGuard;
  #shellSeen = false;

  /** @param root real path of the working tree @param shell made when OpenCode hands over its configuration */
  constructor(
    sessions: Sessions,
    input: Pick<PluginInput, "client" | "directory">,
    root: string,
    shell: () => InstanceShell,
  ) {
    this.#sessions = sessions;
    this.#client = input.client;
    this.#root = root;
    this.#directory = input.directory;
    this.#shell = shell;
    this.#leases = new LeaseGuard(leasesDir(root), undefined);
  }

  /** @throws Error with the refusal's text: OpenCode gives it to the model as the tool's error */
  before: Before = async ({ tool, sessionID, callID }, output) => {
    const bound = await this.#boundTo(sessionID);
    const { binding } = bound;
    if (binding.kind === "free") return this.#leaveToOwners(tool, output.args);
    const declared = binding.kind === "run" ? binding.config : NOTHING_DECLARED;
    const action = actionOf(tool, output.args, declared);
    const decision = await this.#decideWithLeases(bound, action);
    if (decision.decision === "refuse") {
      bound.turn?.refused(decision, tool);
      throw new Error(refusalText(decision, bound.turn?.record.spec.scope));
    }
    try {
      if (action.kind === "write") await bound.turn?.writes(callID, tool, action, this.#directory);
      // The command itself is known of when `shell.env` asks for its shell: OpenCode may still ask a person first.
      if (action.kind === "shell") await this.#shellIsOurs();
    } catch (error) {
      // Without its pre-image a write could not be told from another's: it must not happen.
      const refusal = failed(error);
      bound.turn?.refused(refusal, tool);
      throw new Error(refusalText(refusal));
    }
  };

  /** A person's own session is held to nothing, but it does not write what a run has a lease on. */
  async #leaveToOwners(tool: string, args: unknown): Promise<void> {
    const action = actionOf(tool, args, NOTHING_DECLARED);
    if (action.kind !== "write") return;
    const refusal = await this.#leases.refusal(pathsOf(action, this.#place()));
    if (refusal) throw new Error(refusalText(refusal));
  }

  /** Does not fire for refused calls, nor for those that OpenCode itself ends (facts, opencode.md). */
  after: After = async ({ sessionID, callID }) => {
    const bound = await this.#sessions.of(sessionID);
    await bound?.turn?.called(callID);
  };

  /**
   * The shell for one command, as variables for Handrail's shell. Also the only hook for
   * `/session/:id/shell`; command templates and terminals have none (facts, opencode.md).
   */
  shellEnv: ShellEnv = async ({ sessionID, callID }, output) => {
    if (sessionID === undefined) return;
    const { binding, turn } = await this.#boundTo(sessionID);
    if (binding.kind === "free") Object.assign(output.env, this.#shell().variables("free", undefined));
    else {
      const id = callID ?? `shell-${randomUUID()}`;
      const held = await turn?.shellStarts(id, callID === undefined ? "shell" : "bash");
      Object.assign(output.env, this.#shell().variables(held?.shellPath ?? "refuse", id));
    }
  };

  /** Another plugin may have set OpenCode's shell after this one (facts, opencode.md): read it back, once. */
  async #shellIsOurs(): Promise<void> {
    if (this.#shellSeen) return;
    const effective = await this.#client.config.get();
    const path = effective.data && "shell" in effective.data ? effective.data.shell : undefined;
    if (path !== this.#shell().path) {
      throw new Error(`another plugin or setting has replaced Handrail's shell (${String(path)})`);
    }
    this.#shellSeen = true;
  }

  async #boundTo(sessionID: string): Promise<Bound> {
    try {
      return await this.#sessions.acting(sessionID);
    } catch (error) {
      const { detail } = failed(error);
      return { binding: { kind: "read-only", code: "guard-failed", detail: detail ?? "" } };
    }
  }

  async #decideWithLeases(bound: Bound, action: ReturnType<typeof actionOf>): Promise<Decision> {
    const decision = await this.#decide(bound, action);
    if (decision.decision !== "allow" || action.kind !== "write" || bound.binding.kind !== "run")
      return decision;
    try {
      const { leases } = bound.binding;
      if (!leases.holds())
        return { decision: "refuse", code: "leased", detail: "this run has no lease any more" };
      return (await leases.refusal(pathsOf(action, this.#place()))) ?? decision;
    } catch (error) {
      return failed(error);
    }
  }

  #place() {
    return { root: this.#root, directory: this.#directory };
  }

  async #decide({ binding, turn }: Bound, action: ReturnType<typeof actionOf>): Promise<Decision> {
    if (binding.kind === "free") return { decision: "allow" };
    const hold = await turn?.hold();
    const matcher = hold?.matcher;
    if (binding.kind === "run" && !matcher) return failed(turn?.problem ?? "the turn has not started");
    return decide(action, {
      root: this.#root,
      directory: this.#directory,
      confinement: hold?.shell.confinement.kind ?? "none",
      ...(binding.kind === "run"
        ? {
            matcher,
            scratch: binding.config.scratch,
            judgeShell,
          }
        : { readOnly: { code: binding.code, detail: binding.detail } }),
    });
  }
}

function failed(error: unknown): Refusal {
  return {
    decision: "refuse",
    code: "guard-failed",
    detail: error instanceof Error ? error.message : String(error),
  };
}
