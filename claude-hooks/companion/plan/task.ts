import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../../../shared/errors.ts";
import { kindOfIn } from "../../../shared/task/load.ts";
import { parseTask } from "../../../shared/task/parse.ts";
import { type Feature, partText } from "../../../shared/task/plan.ts";
import { findFeature } from "../../../shared/task/plan-features.ts";
import { featureTask, scopeText } from "../../../shared/task/plan-spec.ts";
import { TASK_DIR } from "../../../shared/task/prompt.ts";
import { isSlug, taskFileName } from "../../../shared/task/template.ts";
import { makeTaskFolder } from "../../../shared/tree/task-folder.ts";
import { emit } from "../output.ts";
import { type OpenedPlan, openPlan, planFileOf } from "./open.ts";
import { specOf } from "./show.ts";

/**
 * `handrail plan task`: writes a feature as a task file, for `handrail run`. Its scope is the feature's own: a
 * text that would be read as more is refused.
 */
export function writeTask(named: string, wanted: string | undefined, options: { json?: boolean }): void {
  const opened = openPlan(named);
  const feature = findFeature(opened.plan, wanted, opened.file);
  const spec = specOf(opened, feature);
  const [error] = spec.errors;
  if (error) {
    const place = `${opened.file}:${error.line ?? feature.line}`;
    throw new HandrailError("invalid-task", `${place}: ${error.message}`, {
      fix: `handrail plan show ${opened.file} ${feature.slug}`,
    });
  }
  const slug = featureTask(opened.plan, feature);
  const file = `${TASK_DIR}/${taskFileName(isSlug(slug) ? slug : feature.slug, new Date())}`;
  const text = taskText(opened, feature);
  const read = parseTask(text, { fileName: file, root: opened.root, kindOf: kindOfIn(opened.root) });
  if (!read.ok || read.scope.allow.join("\n") !== spec.scope.allow.join("\n")) {
    throw new HandrailError(
      "invalid-task",
      `${opened.file}:${feature.line}: a part of the feature would be read as other files to modify`,
      { fix: "write the task file by hand: handrail task new SLUG" },
    );
  }
  if (existsSync(join(opened.root, file))) {
    throw new HandrailError("bad-usage", `${file} exists already`, { fix: "edit that file, or remove it" });
  }
  makeTaskFolder(opened.root);
  writeFileSync(join(opened.root, file), text, { flag: "wx" });
  emit(options, { file, slug: read.slug, title: feature.title }, () => `${file}\nthen: handrail run ${file}`);
}

function taskText(opened: OpenedPlan, feature: Feature): string {
  const section = (name: string, text: string) => (text === "" ? [] : [`${name}:`, text, ""]);
  // Its first lines name the task; a task file has that in its own name.
  const scope = scopeText(opened.plan, feature, planFileOf(opened)).text.split("\n").slice(2).join("\n");
  return [
    feature.title,
    "",
    ...section("Context", [`A feature of ${opened.file}.`, partText(feature, "userStory")].join("\n").trim()),
    ...section("References", partText(feature, "authorityReferences")),
    ...section("Required changes", partText(feature, "specification")),
    ...section("Requirements", partText(feature, "deliverableStandard", "testScenarios")),
    scope,
    "",
  ].join("\n");
}
