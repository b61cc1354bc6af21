import type { Hooks } from "@opencode-ai/plugin";
import { actionOf, NOTHING_DECLARED } from "../shared/scope/actions.ts";
import { decide } from "../shared/scope/decide.ts";
import type { Decision, Refusal } from "../shared/scope/decision.ts";
import { refusalText } from "../shared/scope/refusal.ts";
import { judgeShell } from "../shared/shell/judge.ts";
import type { Bound, Sessions } from "./sessions.ts";

type Before = NonNullable<Hooks["tool.execute.before"]>;
type After = NonNullable<Hooks["tool.execute.after"]>;

/** Holds every tool call of an instance to what its session is bound to. */
export class Guard {
  readonly #sessions: Sessions;
  readonly #root: string;
  readonly #directory: string;

  constructor(sessions: Sessions, root: string, directory: string) {
    this.#sessions = sessions;
    this.#root = root;
    this.#directory = directory;
  }

  /** @throws Error with the refusal's text: OpenCode gives it to the model as the tool's error */
  before: Before = async ({ tool, sessionID, callID }, output) => {
    const bound = await this.#boundTo(sessionID);
    const { binding } = bound;
    if (binding.kind === "free") return;
    const declared = binding.kind === "run" ? binding.config : NOTHING_DECLARED;
    const action = actionOf(tool, output.args, declared);
    const decision = await this.#decide(bound, action);
    if (decision.decision === "refuse") {
      bound.turn?.refused(decision, tool);
      throw new Error(refusalText(decision, bound.turn?.record.spec.scope));
    }
    try {
      if (action.kind === "write") await bound.turn?.writes(callID, tool, action, this.#directory);
      if (action.kind === "shell") await bound.turn?.shellStarts(callID, tool);
    } catch (error) {
      // Without its pre-image a write could not be told from another's: it must not happen.
      const refusal = failed(error);
      bound.turn?.refused(refusal, tool);
      throw new Error(refusalText(refusal));
    }
  };

  /** Does not fire for refused calls, nor for those that OpenCode itself ends (facts, opencode.md). */
  after: After = async ({ sessionID, callID }) => {
    const bound = await this.#sessions.of(sessionID);
    await bound.turn?.called(callID);
  };

  async #boundTo(sessionID: string): Promise<Bound> {
    try {
      return await this.#sessions.acting(sessionID);
    } catch (error) {
      const { detail } = failed(error);
      return { binding: { kind: "read-only", code: "guard-failed", detail: detail ?? "" } };
    }
  }

  async #decide({ binding, turn }: Bound, action: ReturnType<typeof actionOf>): Promise<Decision> {
    if (binding.kind === "free") return { decision: "allow" };
    const matcher = await turn?.matcher();
    if (binding.kind === "run" && !matcher) return failed(turn?.problem ?? "the turn has not started");
    return decide(action, {
      root: this.#root,
      directory: this.#directory,
      confinement: turn?.confinement ?? "none",
      ...(binding.kind === "run"
        ? {
            matcher,
            judgeShell: (command, cwd, scope) => judgeShell(command, cwd, scope, { root: this.#root }),
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
