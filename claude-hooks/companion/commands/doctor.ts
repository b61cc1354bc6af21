import type { Command } from "commander";
import { EXIT } from "../../../shared/errors.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { claudeParts } from "../doctor/claude.ts";
import { type Asked, handoffParts } from "../doctor/handoff.ts";
import { machineParts } from "../doctor/machine.ts";
import { opencodeParts } from "../doctor/opencode.ts";
import { checked, type Finding, type Part } from "../doctor/part.ts";
import { emit, paint } from "../output.ts";

const COLOUR = { ok: 32, warning: 33, problem: 31 } as const;

/** `handrail doctor`: every part, by using it. */
export function configure(command: Command): void {
  command
    .option(
      "--handoff <packet>",
      "the checklist before this packet is handed to OpenCode, instead of the parts",
    )
    .option("--agent <agent>", "whether OpenCode has this agent, and which model it would use")
    .option("--model <provider/model>", "whether OpenCode has this model")
    .addHelpText("after", "\nExample:\n  handrail doctor --handoff packets/TASK-123.json --agent build")
    .action(doctor);
}

async function doctor(options: Asked & { json?: boolean }): Promise<void> {
  const directory = process.cwd();
  const env = process.env;
  if (options.handoff !== undefined || options.agent !== undefined || options.model !== undefined) {
    show(options, await handoffParts(options, directory, env));
    return;
  }
  const root = await openRepository(directory).then(
    (repository) => repository.root,
    () => undefined, // the part "repository" says why
  );
  const parts: Part[] = [
    ...machineParts(directory, root, env),
    ...opencodeParts(directory, root, env),
    ...claudeParts(directory, root, env),
  ];
  const found = await Promise.all(parts.map(async (part) => ({ name: part.name, ...(await checked(part)) })));
  show(options, found);
}

function show(options: { json?: boolean }, found: (Finding & { name: string })[]): void {
  const ok = found.every((part) => part.status !== "problem");
  emit(options, { ok, parts: found }, () => found.map(line).join("\n"), ok ? EXIT.done : EXIT.missing);
}

function line(part: Finding & { name: string }): string {
  const head = `${paint(COLOUR[part.status], part.status.padEnd(8))} ${part.name.padEnd(16)} ${part.message}`;
  return part.fix === undefined ? head : `${head}\n${" ".repeat(26)}fix: ${part.fix}`;
}
