import { randomUUID } from "node:crypto";
import type { Hooks, PluginInput } from "@opencode-ai/plugin";
import type { Shell } from "../shared/confine/shell.ts";
import { LeaseGuard, pathsOf } from "../shared/lock/permit.ts";
import { leasesDir } from "../shared/lock/store.ts";
import type { Action } from "../shared/scope/action.ts";
import { actionOf, NOTHING_DECLARED } from "../shared/scope/actions.ts";
import { decide } from "../shared/scope/decide.ts";
import type { Decision, Refusal } from "../shared/scope/decision.ts";
import { refusalText } from "../shared/scope/refusal.ts";
import { judgeShell } from "../shared/shell/judge.ts";
import { privateFolders } from "../shared/state/private.ts";
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

  /** @param root real path of the working tree @param shell made when OpenCode hands over its configuration */
  constructor(sessions: Sessions, input: PluginInput, root: string, shell: () => InstanceShell) {
    this.#sessions = sessions;
    this.#client = input.client;
    this.#root = root;
    this.#directory = input.directory;
    this.#shell = shell;
    this.#leases = new LeaseGuard(leasesDir(root), undefined);
  }

  /** @throws Refused */
  before: Before = async ({ tool, sessionID, callID }, output) => {
    const bound = await this.#boundTo(sessionID);
    const { binding } = bound;
    if (binding.kind === "free") return this.#leaveToOwners(tool, output.args);
    const declared = binding.kind === "run" ? binding.config : NOTHING_DECLARED;
    const action = actionOf(tool, output.args, declared);
    const decision =
      (await this.#strangers(action, sessionID)) ?? (await this.#decideWithLeases(bound, action));
    if (decision.decision === "refuse") refuse(bound, decision, tool);
    if (tool === "todowrite") bound.turn?.steps(output.args);
    try {
      if (action.kind === "write") await bound.turn?.writes(callID, tool, action, this.#directory);
      if (action.kind === "shell") await this.#command(bound, callID, tool);
    } catch (error) {
      // Without its pre-image a write could not be told from another's: it must not happen.
      refuse(bound, failed(error), tool);
    }
  };

  /** OpenCode lets its task tool go on with any session (1.18.33, measured): another's is held to another scope. */
  async #strangers(action: Action, sessionID: string): Promise<Refusal | undefined> {
    if (action.kind !== "delegate" || action.session === undefined) return undefined;
    if (await this.#sessions.areRelated(sessionID, action.session)) return undefined;
    const detail = "task_id is no sub-agent's session of this one; leave it out for a new one";
    return { decision: "refuse", code: "bad-arguments", detail };
  }

  /** A person's own session is held to nothing, but it does not write what a run has a lease on. */
  async #leaveToOwners(tool: string, args: unknown): Promise<void> {
    const action = actionOf(tool, args, NOTHING_DECLARED);
    if (action.kind !== "write") return;
    const refusal = await this.#leases.refusal(pathsOf(action, this.#place()));
    if (refusal) throw new Error(refusalText(refusal));
  }

  /** Does not fire for refused calls, nor for those that OpenCode itself ends (facts, opencode.md). */
  after: After = async ({ sessionID, callID }, output) => {
    const bound = await this.#sessions.of(sessionID);
    const blocked = await bound.turn?.called(callID);
    if (blocked) output.output = `${output.output}\n\n${refusalText(blocked)}`;
  };

  /**
   * The shell for one command, as variables for Handrail's shell. Also the only hook for
   * `/session/:id/shell`; command templates and terminals have none (facts, opencode.md).
   */
  shellEnv: ShellEnv = async ({ sessionID, callID }, output) => {
    if (sessionID === undefined) return;
    const bound = await this.#boundTo(sessionID);
    if (bound.binding.kind === "free") {
      Object.assign(output.env, this.#shell().variables("free", undefined));
      return;
    }
    const id = callID ?? `shell-${randomUUID()}`;
    try {
      // What the bash tool starts was decided on before it came here.
      if (!bound.turn?.expects(id)) {
        const decision = await this.#decide(bound, { kind: "shell", tool: "shell", command: "" });
        if (decision.decision === "refuse") refuse(bound, decision, "shell");
      }
      const held = await this.#command(bound, id, "shell");
      Object.assign(output.env, this.#shell().variables(held?.shellPath ?? "refuse", id));
    } catch (error) {
      if (error instanceof Refused) throw error;
      refuse(bound, failed(error), "shell");
    }
  };

  /** Another plugin may have set OpenCode's shell after this one (facts, opencode.md), or may do so later. */
  async #command({ turn }: Bound, callID: string, tool: string): Promise<Shell | undefined> {
    const effective = await this.#client.config.get();
    const path = effective.data && "shell" in effective.data ? effective.data.shell : undefined;
    if (path !== this.#shell().path) {
      turn?.shellReplaced();
      throw new Error(`another plugin or setting has replaced Handrail's shell (${String(path)})`);
    }
    return turn?.shellStarts(callID, tool);
  }

  async #boundTo(sessionID: string): Promise<Bound> {
    try {
      return await this.#sessions.acting(sessionID);
    } catch (error) {
      const { detail } = failed(error);
      return { binding: { kind: "read-only", code: "guard-failed", detail: detail ?? "" } };
    }
  }

  async #decideWithLeases(bound: Bound, action: Action): Promise<Decision> {
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

  async #decide({ binding, turn }: Bound, action: Action): Promise<Decision> {
    if (binding.kind === "free") return { decision: "allow" };
    const standing = await turn?.standing(action);
    if (standing) return standing;
    const hold = await turn?.hold();
    const matcher = hold?.matcher;
    if (binding.kind === "run" && !matcher) return failed(turn?.problem ?? "the turn has not started");
    return decide(action, {
      root: this.#root,
      directory: this.#directory,
      confinement: hold?.shell.confinement.kind ?? "none",
      hidden: privateFolders(process.env, turn?.record.origin.inbox),
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

/** OpenCode gives its message to the model as the tool's error. */
class Refused extends Error {}

/** @throws Refused */
function refuse({ turn }: Bound, refusal: Refusal, tool: string): never {
  turn?.refused(refusal, tool);
  throw new Refused(refusalText(refusal, turn?.record.spec.scope));
}

function failed(error: unknown): Refusal {
  return {
    decision: "refuse",
    code: "guard-failed",
    detail: error instanceof Error ? error.message : String(error),
  };
}
