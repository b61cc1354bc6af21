import * as z from "zod/mini";
import { EXIT, type ExitCode } from "../../../shared/errors.ts";
import { classificationSchema, findingSchema, findingsText } from "../../../shared/review/findings.ts";
import { printable } from "../../../shared/text/printable.ts";
import { paint } from "../output.ts";
import { exitCodeOfState } from "../serve/result.ts";

/** What `handrail review` prints with `--json` (design, section 6), and what its job keeps. */
export const reviewResultSchema = z.object({
  classification: classificationSchema,
  findings: z.array(findingSchema),
  /** Why it is unclassified. */
  problem: z.optional(z.string()),
  /** What became of the session's last turn. */
  state: z.string(),
  scope: z.enum(["working-tree", "branch"]),
  base: z.string(),
  files: z.number(),
  parts: z.number(),
  /** Changed files that the reviewer had to read for itself. */
  omitted: z.array(z.string()),
  /** Changed files that hold secrets and were not shown. */
  secret: z.array(z.string()),
  session_id: z.optional(z.string()),
  directory: z.string(),
  attach: z.optional(z.string()),
});
export type ReviewResult = z.infer<typeof reviewResultSchema>;

/** Exit code of a review: 0 for PASS and PASS_WITH_NOTES; of a turn that did not end, what that came to. */
export function exitCodeOfReview({ classification, state }: ReviewResult): ExitCode {
  if (classification === "PASS" || classification === "PASS_WITH_NOTES") return EXIT.done;
  const code = exitCodeOfState(state);
  return code === EXIT.timeout || code === EXIT.missing ? code : EXIT.failed;
}

/** The same for a person: the classification first, then each finding with its evidence. */
export function reviewText(result: ReviewResult): string {
  const { classification, findings, problem, files, parts, omitted, secret, attach } = result;
  const colour = classification === "FAIL" ? 31 : classification === "unclassified" ? 33 : 32;
  const goesOn = exitCodeOfState(result.state) === EXIT.timeout || result.state === "awaiting_permission";
  return [
    `${paint(colour, classification)}: ${counted(findings.length, "finding")} in ${counted(files, "changed file")}${parts > 1 ? `, ${parts} parts` : ""}`,
    ...(findings.length > 0 ? [findingsText(findings)] : []),
    ...(problem === undefined ? [] : [`not classified as a pass: ${printable(problem, 300)}`]),
    ...named("too large to be shown to the reviewer", omitted),
    ...named("left out, since they hold secrets", secret),
    ...(result.session_id === undefined ? [] : [`session ${result.session_id}`]),
    ...(goesOn && attach ? [`it has not ended; go on with: ${attach}`] : []),
  ].join("\n");
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function named(what: string, paths: readonly string[]): string[] {
  return paths.length === 0 ? [] : [`${what}: ${paths.map((path) => printable(path)).join(", ")}`];
}
