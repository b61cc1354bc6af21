import { HandrailError } from "../../../shared/errors.ts";
import { fillTemplate, TEMPLATES, type TemplateName } from "../../../shared/iteration/fill.ts";
import { readIteration } from "../../../shared/iteration/store.ts";
import { findingsText, readFindings } from "../../../shared/review/findings.ts";
import { findFeature } from "../../../shared/task/plan-features.ts";
import { emit } from "../output.ts";
import { openPlan } from "./open.ts";
import { promptValues, scopeBlock, templateText, textOfFile } from "./values.ts";

export interface PromptOptions {
  json?: boolean;
  plan: string;
  feature?: string;
  planText?: string;
  scopeFile?: string;
  findings?: string;
  base?: string;
  set?: string[];
}

/** `handrail plan prompt`: a template filled with what the plan, the run store and the options say. */
export function printPrompt(named: string, options: PromptOptions): void {
  const name = templateNamed(named);
  const opened = openPlan(options.plan);
  const feature = findFeature(opened.plan, options.feature, opened.file);
  const values = promptValues(opened, feature, readIteration(opened.root, opened.file, feature.slug));
  const { planText, scopeFile, findings, base } = options;
  if (planText !== undefined) values.PLAN = textOfFile(planText, "--plan-text", opened.root);
  if (scopeFile !== undefined) {
    const given = textOfFile(scopeFile, "--scope-file", opened.root);
    values.FILE_SCOPE = scopeBlock(opened, feature, given, `--scope-file ${scopeFile}`);
  }
  if (findings !== undefined)
    values.REVIEWER_FINDINGS = findingsOf(textOfFile(findings, "--findings", opened.root));
  if (base !== undefined) values.BASE_REF = base;
  for (const one of options.set ?? []) {
    const [, key, value = ""] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(one) ?? [];
    if (key === undefined) {
      throw new HandrailError("bad-usage", `--set ${one.slice(0, 60)}: not NAME=VALUE`, {
        fix: "--set AUTHORITY_REFERENCES=none, or --set PLAN=@FILE",
      });
    }
    values[key] = value.startsWith("@") ? textOfFile(value.slice(1), `--set ${key}`, opened.root) : value;
  }
  const prompt = fillTemplate(name, templateText(name), values);
  emit(options, { template: name, plan: opened.file, feature: feature.slug, prompt }, () => prompt);
}

function templateNamed(named: string): TemplateName {
  const plain = named
    .toLowerCase()
    .replace(/[\s_]+/g, "-")
    .replace(/\.md$/, "");
  const found = TEMPLATES.find((name) => name === plain) ?? TEMPLATES.find((name) => name.startsWith(plain));
  if (found && plain !== "") return found;
  throw new HandrailError(
    "bad-usage",
    `no template "${named.slice(0, 60)}"; there are ${TEMPLATES.join(", ")}`,
    { fix: "handrail plan prompt --help" },
  );
}

/** Findings as a reviewer gave them, in JSON or in prose. */
function findingsOf(text: string): string {
  const read = readFindings(text);
  return read.ok && read.findings.length > 0 ? findingsText(read.findings) : text;
}
