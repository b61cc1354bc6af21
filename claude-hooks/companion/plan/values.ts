import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { HandrailError } from "../../../shared/errors.ts";
import type { TemplateName } from "../../../shared/iteration/fill.ts";
import { type Iteration, lastFindings } from "../../../shared/iteration/state.ts";
import { FINDINGS_FORMAT, findingsText } from "../../../shared/review/findings.ts";
import { readFileScope } from "../../../shared/task/file-scope.ts";
import { kindOfIn } from "../../../shared/task/load.ts";
import { type Feature, partText } from "../../../shared/task/plan.ts";
import { featureTask, scopeText } from "../../../shared/task/plan-spec.ts";
import { type OpenedPlan, planFileOf } from "./open.ts";

/** The values of a prompt by the names of their placeholders; what is not known is not there. */
export function promptValues(
  opened: OpenedPlan,
  feature: Feature,
  state: Iteration | undefined,
): Record<string, string | undefined> {
  const findings = state ? lastFindings(state) : [];
  return {
    FEATURE_TITLE: feature.title,
    FEATURE_SPEC: withPrerequisites(feature),
    USER_STORY: partText(feature, "userStory"),
    DELIVERABLE_STANDARD: partText(feature, "deliverableStandard"),
    TEST_SCENARIOS: partText(feature, "testScenarios"),
    AUTHORITY_REFERENCES: partText(feature, "authorityReferences"),
    PLAN: state?.plan_text,
    FILE_SCOPE: state?.scope_text ?? scopeText(opened.plan, feature, planFileOf(opened)).text,
    REVIEWER_FINDINGS: findings.length > 0 ? findingsText(findings) : undefined,
    FINDINGS_FORMAT,
    BASE_REF: state?.base_ref,
    ROUND: state && String(state.round),
    MAX_FIX_ROUNDS: state && String(Math.max(state.max_fix_rounds, state.round)),
  };
}

function withPrerequisites(feature: Feature): string {
  const parts = feature.parts.filter((part) => part.kind === "specification");
  const texts = parts.map((part) =>
    part.lines
      .map((line) => line.text)
      .join("\n")
      .trim(),
  );
  const prerequisites = partText(feature, "prerequisites");
  return [...texts, ...(prerequisites === "" ? [] : [`Prerequisites:\n\n${prerequisites}`])]
    .filter((text) => text !== "")
    .join("\n\n");
}

/**
 * A file scope as people write it, made the block of one feature: with the name of its task, and with the exec
 * plan itself kept out.
 * @throws HandrailError `bad-input` when no scope can be read from it
 */
export function scopeBlock(opened: OpenedPlan, feature: Feature, given: string, source: string): string {
  const own = given.replace(/^\s*(?:#{1,6}\s*)?\**file[ _-]scope\**:?\**\s*\n/i, "").trim();
  const planFile = planFileOf(opened);
  const task = /^task:/im.test(own) ? [] : [`Task: ${featureTask(opened.plan, feature)}`, ""];
  const keep =
    planFile === undefined || own.includes(planFile) ? [] : ["", "Do not:", `- modify \`${planFile}\``];
  const text = [...task, own, ...keep].join("\n");
  const read = readFileScope(`## File scope\n\n${text}\n`, {
    root: opened.root,
    kindOf: kindOfIn(opened.root),
  });
  if (read.kind === "scope" && read.spec.ok) return text;
  const error = read.kind === "scope" ? read.spec.errors[0] : undefined;
  throw new HandrailError(
    "bad-input",
    `${source}: ${error?.message ?? "no file scope can be read from it"}`,
    {
      fix: 'list the files below "Files to modify:", one path a line',
    },
  );
}

/**
 * The text of a template: it lies with the skill, in the same plugin as this program.
 * @throws HandrailError `not-found` where the plugin is not whole
 */
export function templateText(name: TemplateName): string {
  const path = join("skills/task-iteration/references/templates", `${name}.md`);
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, path);
    if (existsSync(file)) return readFileSync(file, "utf8");
    if (dirname(folder) === folder) break;
  }
  throw new HandrailError("not-found", `the template ${path} is missing from the plugin`, {
    fix: "install the plugin again: handrail init",
  });
}

/** The text of a file that was named on the command line; `-` is stdin. @throws HandrailError `bad-input` */
export function textOfFile(named: string, option: string, root: string): string {
  const path = [resolve(root, named), resolve(named)].find((one) => existsSync(one));
  try {
    if (named === "-") return readFileSync(0, "utf8");
    if (path !== undefined) return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown";
    throw new HandrailError("bad-input", `${option} ${named}: cannot be read (${code})`, { cause: error });
  }
  throw new HandrailError("bad-input", `${option} ${named}: no such file`, {
    fix: `${option} - reads stdin`,
  });
}
