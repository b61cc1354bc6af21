import type { Command } from "commander";
import { flushOutbox } from "../../../shared/callback/flush.ts";
import { listOutbox, listUnreadable, type OutboxEntry } from "../../../shared/callback/outbox.ts";
import { ATTENDED } from "../../../shared/callback/policy.ts";
import { reopen } from "../../../shared/callback/reopen.ts";
import { EXIT, HandrailError } from "../../../shared/errors.ts";
import { quote } from "../../../shared/scope/quote.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";

interface JsonOption {
  json?: boolean;
}

/** `handrail callback list|flush|redeliver ID`: the outbox of this project. */
export function configure(command: Command): void {
  const list = async (options: JsonOption) => {
    const { root } = await openHere();
    show(options, listOutbox(root), "no callbacks yet");
    warnOfUnreadable(root);
  };
  command
    .usage("[list | flush | redeliver ID]")
    .argument("[command]", "list, flush or redeliver; list without it")
    .addHelpText("after", "\nExample:\n  handrail callback redeliver r20261121T093012-1a2b3c-t1")
    .action(async (other: string | undefined, options: JsonOption) => {
      if (other === undefined) return list(options);
      throw new HandrailError("bad-usage", `handrail callback has no command ${quote(other, 40)}`, {
        fix: "handrail callback list, flush, or redeliver ID",
      });
    });
  command
    .command("list")
    .description("every callback of this project and how far it has come, delivered ones included")
    .addHelpText("after", "\nExample:\n  handrail callback list --json")
    .action(list);
  command
    .command("flush")
    .description("deliver what is pending now")
    .addHelpText("after", "\nExample:\n  handrail callback flush")
    .action(async (options: JsonOption) => {
      const { root } = await openHere();
      const { entries, problems } = await flushOutbox(root, { policy: ATTENDED });
      show(options, entries, "nothing is pending", problems);
      warnOfUnreadable(root);
    });
  command
    .command("redeliver")
    .argument("<id>", "callback id, as `handrail callback list` shows it")
    .description("deliver a callback again: to what has not got it, or, where all have, to all")
    .addHelpText("after", "\nExample:\n  handrail callback redeliver r20261121T093012-1a2b3c-t1")
    .action(async (id: string, options: JsonOption) => {
      const { root } = await openHere();
      reopen(root, id);
      const { entries, problems } = await flushOutbox(root, { policy: ATTENDED, only: id });
      show(options, entries, "nothing is pending", problems);
    });
}

/** @param problems of a delivery; then what is left undelivered makes the exit code 1 */
function show(options: JsonOption, entries: OutboxEntry[], none: string, problems?: string[]): void {
  const rows = entries.map(({ payload, targets }) => ({
    callback_id: payload.callback_id,
    run_id: payload.run_id,
    kind: payload.kind,
    state: stateOf(targets),
    run_state: payload.state,
    created: payload.created,
    targets: targets.map(({ target, state, attempts, error, next_attempt }) => ({
      target,
      state,
      attempts,
      ...(error === undefined ? {} : { error }),
      ...(next_attempt === undefined ? {} : { next_attempt }),
    })),
  }));
  const left =
    problems !== undefined && (problems.length > 0 || rows.some((row) => row.state !== "delivered"));
  for (const problem of problems ?? []) process.stderr.write(`handrail: ${problem}\n`);
  const text = () =>
    rows
      .flatMap((row) => [
        `${row.callback_id}  ${row.state}${KINDS[row.kind]}`,
        ...row.targets.map(
          ({ target, state, attempts, error }) =>
            `  ${state.padEnd(9)}  ${target}  (${attempts} ${attempts === 1 ? "attempt" : "attempts"})${error ? `: ${error}` : ""}`,
        ),
      ])
      .join("\n") || none;
  emit(options, rows, text, left ? EXIT.failed : EXIT.done);
}

const KINDS = { end: "", note: "  (a note on the way)", escalation: "  (an escalation)" };

/** A callback is delivered when every target has it, and failed when one never will. */
function stateOf(targets: OutboxEntry["targets"]): "pending" | "delivered" | "failed" {
  if (targets.some(({ state }) => state === "failed")) return "failed";
  return targets.every(({ state }) => state === "delivered") ? "delivered" : "pending";
}

function warnOfUnreadable(root: string): void {
  for (const file of listUnreadable(root)) {
    process.stderr.write(`handrail: a callback does not parse and was kept as ${file}\n`);
  }
}
