import { appendFileSync, existsSync, readFileSync } from "node:fs";
import * as z from "zod/mini";
import { REFUSAL_CODES } from "../scope/decision.ts";
import { parseJson } from "../state/files.ts";
import { RULES } from "../task/spec.ts";

/** One thing that a command changed and that was not applied. */
const refusedSchema = z.object({
  path: z.string(),
  code: z.enum(REFUSAL_CODES),
  rule: z.optional(z.enum(RULES)),
  detail: z.optional(z.string()),
  /** Where its bytes are kept; null for a deletion, a folder, or above the limits. */
  quarantined: z.nullable(z.string()),
});
export type RefusedChange = z.infer<typeof refusedSchema>;

/** A line of `commands.jsonl`: the shell's word for one command. Paths are relative to the root. */
export const commandSchema = z.object({
  callID: z.string(),
  /** The command's own exit code; null when it was cut off and finished by somebody else. */
  exitCode: z.nullable(z.number()),
  applied: z._default(z.array(z.string()), []),
  refused: z._default(z.array(refusedSchema), []),
  conflicts: z._default(z.array(z.string()), []),
  scratch: z._default(z.array(z.string()), []),
});
export type CommandRecord = z.infer<typeof commandSchema>;

/** Reads what the shell said of the commands of a run, oldest first. A line cut short is left out. */
export function readCommands(file: string): CommandRecord[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      const parsed = parseJson(line, commandSchema);
      return parsed.ok ? [parsed.value] : [];
    });
}

export function appendCommand(file: string, record: CommandRecord): void {
  appendFileSync(file, `${JSON.stringify(record)}\n`, { mode: 0o600 });
}
