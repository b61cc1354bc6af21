import { Draft } from "./draft.ts";
import { readImperatives } from "./imperatives/read.ts";
import { type FileList, readFileList } from "./lists/files.ts";
import { readFileItem } from "./lists/item.ts";
import type { NamedPath } from "./lists/named.ts";
import { quote } from "./pattern.ts";
import type { Place } from "./place.ts";
import { classify } from "./prohibitions/classify.ts";
import { findProhibitions } from "./prohibitions/find.ts";
import { readPermissions } from "./prohibitions/permissions.ts";
import type { TaskSpec } from "./spec.ts";
import { type Item, itemsOf } from "./text/items.ts";
import { MAX_LINE, MAX_LINES, readLines } from "./text/lines.ts";
import { readSections, type Section } from "./text/sections.ts";
import { verbOf } from "./text/words.ts";
import { readValidation } from "./validation.ts";

const example = "for example:\n\nFiles to modify:\n- src/api/client.ts";

/** Reads a task file: a text with sections, or a few sentences. */
export function readTaskFile(text: string, slug: string, place: Place): TaskSpec {
  const draft = new Draft(place);
  if (text.startsWith("-"))
    draft.error('the task starts with "-", which OpenCode takes for an option; begin with a title', 1);
  const all = readLines(text);
  if (all.length > MAX_LINES) draft.error(`the task has more than ${MAX_LINES} lines; shorten it`);
  const lines = all.slice(0, MAX_LINES);
  for (const line of lines) {
    if (line.text.length > MAX_LINE && line.fence === undefined)
      draft.error(`the line is longer than ${MAX_LINE} characters; break it into several`, line.number);
  }
  const outline = readSections(lines.filter((line) => line.text.length <= MAX_LINE));
  const sections = outline.sections;
  const { softInspect, kept } = readFiles(sections, draft, place);
  readTestFiles(sections, draft, place);
  const tasks = sections.filter((section) => section.kind === "task");
  for (const section of tasks) readProhibitions(section, draft, place);
  if (!draft.hasAllow && draft.errors.length === 0) draft.allowExceptions();
  for (const section of sections) if (section.kind !== "task") readProhibitions(section, draft, place);
  for (const path of kept) draft.forbid(path);
  if (text.trim() === "") draft.error("the task is empty");
  if (!draft.hasAllow && draft.errors.length === 0) draft.error(noScope(sections, place));
  const scope = draft.finish(softInspect);
  const corrects = readCorrects(sections);
  return {
    ok: draft.errors.length === 0,
    source: "task-file",
    slug,
    title: titleOf(outline.title) || slug,
    ...(corrects === undefined ? {} : { corrects }),
    scope,
    prohibitions: draft.prohibitions,
    validation: readValidation(sections),
    errors: draft.errors,
    warnings: draft.warnings,
  };
}

interface FilesRead {
  /** Patterns of lists such as "Relevant files", which may name files to change, too. */
  softInspect: Set<string>;
  /** Paths that a list says are not to be changed. */
  kept: NamedPath[];
}

/** Fills allow and inspect: from the lists of files, else from the sentences before the first heading. */
function readFiles(sections: readonly Section[], draft: Draft, place: Place): FilesRead {
  const softInspect = new Set<string>();
  const kept: NamedPath[] = [];
  let listed = false;
  sections.forEach((section, index) => {
    if (section.kind !== "files" && section.kind !== "inspect") return;
    // "Files to modify:", and then a sentence that heads the list.
    const follower = sections[index + 1];
    if (section.kind === "files" && section.lines.length === 0 && follower?.kind === "files") return;
    const list = readFileList(section, place.kindOf);
    kept.push(...list.forbid);
    if (section.kind === "inspect") {
      for (const path of [...list.paths, ...list.inspect, ...list.forbid]) {
        draft.inspect(path);
        if (section.weak) softInspect.add(path.raw.replace(/\\/g, "/").replace(/^\.\//, ""));
      }
      return;
    }
    listed = addFiles(section, list, draft, place) || listed;
  });
  if (listed) return { softInspect, kept };
  for (const section of sections) {
    if (section.kind !== "task" && !(section.kind === "files" && section.weak)) continue;
    for (const item of itemsOf(section)) {
      if (item.fence !== undefined) continue;
      const read = readImperatives(item, place.kindOf);
      for (const path of read.paths) draft.allow(path);
      for (const path of read.except) addException({ ...path, from: undefined }, draft);
    }
  }
  return { softInspect, kept };
}

/** @returns whether the section counts as the list of files */
function addFiles(section: Section, list: FileList, draft: Draft, place: Place): boolean {
  for (const path of list.inspect) draft.inspect(path);
  let paths = list.paths;
  if (paths.length === 0) paths = list.prose.flatMap((item) => readImperatives(item, place.kindOf).paths);
  for (const path of paths) draft.allow(path);
  for (const path of list.everything)
    draft.error(
      `${quote(path.raw)} is the whole repository; name the files or folders, ${example}`,
      path.line,
    );
  if (paths.length === 0 && section.weak) return false;
  for (const path of list.placeholders)
    draft.error(
      `no scope yet: ${quote(path.raw)} is still to be filled in with a path, for example src/api/client.ts`,
      path.line,
    );
  if (paths.length === 0 && list.placeholders.length + list.everything.length === 0)
    draft.error(`${quote(section.heading)} names no file; write one path a line, ${example}`, section.line);
  for (const except of list.except) addException(except, draft);
  for (const { text, line } of list.exceptWords) {
    draft.prohibit(`except ${text}`, line, [{ kind: "advisory" }]);
    draft.warn(`the exception ${quote(text)} names no file and is not enforced; name the path`, line);
  }
  for (const path of list.paths.length > 0 ? list.mentions : []) {
    if (!draft.isNamed(path.raw))
      draft.warn(
        `${quote(path.raw)} stands below ${quote(section.heading)} but is not read as a file to change; give it a line of its own, as a path (a folder with "/" at its end)`,
        path.line,
      );
  }
  return true;
}

/** "src/ (except legacy.ts)": the name as it stands, and below the folder. */
function addException(except: FileList["except"][number], draft: Draft): void {
  const raw = except.raw.replace(/\\/g, "/").replace(/^\.\//, "");
  const folder = except.from
    ?.replace(/\\/g, "/")
    .replace(/^\.\//, "")
    .replace(/\*.*$/, "")
    .replace(/\/*$/, "");
  const paths =
    !folder || raw.startsWith(`${folder}/`)
      ? [raw]
      : raw.replace(/\/$/, "").includes("/")
        ? [raw, `${folder}/${raw}`]
        : [`${folder}/**/${raw}`];
  const isTests = /^(tests?|test files|specs?)$/.test(raw);
  draft.prohibit(`except ${except.raw}`, except.line, [
    { kind: "forbid", paths, except: [] },
    ...(isTests ? [{ kind: "rule" as const, rule: "no-test-changes" as const, except: [] }] : []),
  ]);
}

/** In a section of tests, files that the text says to write tests in. */
function readTestFiles(sections: readonly Section[], draft: Draft, place: Place): void {
  for (const section of sections) {
    if (section.kind !== "tests") continue;
    const toWrite = /\b(add|added|write|written|create|created|extend|update|new)\b/.test(section.words);
    for (const item of itemsOf(section)) {
      if (item.fence !== undefined) continue;
      const paths = toWrite ? readFileItem(item, place.kindOf).paths : [];
      for (const path of [...paths, ...readTestSentence(item, place)]) draft.allow(path);
    }
  }
}

const testVerbs = new Set(
  `write add extend create update adapt adjust put append cover implement include modify expand complete introduce
  change fix place`.split(/\s+/),
);

/** "Add a case to a.test.ts", "New tests go in a.test.ts". */
function readTestSentence(item: Item, place: Place): NamedPath[] {
  const home =
    /^((the |all )?(new|additional) tests? ((should |must |are to )?(go|belong|live) )?|tests? (should |must )?(go|belong|live) )(?=(in|into|to) )/i.exec(
      item.text,
    );
  if (!home) return readImperatives(item, place.kindOf, testVerbs).paths;
  // The words before the path take as much room as before, so that lines stay known.
  const text = `${"Add tests".padEnd(home[0].length - 1)} ${item.text.slice(home[0].length)}`;
  return readImperatives({ ...item, text }, place.kindOf, testVerbs).paths;
}

/** Finds and enforces the prohibitions of a section; leave to stage or commit as well. */
function readProhibitions(section: Section, draft: Draft, place: Place): void {
  const verb = section.words
    .split(/[^a-z'-]+/)
    .map(verbOf)
    .find((found) => found !== undefined && found.act !== "other");
  const forbidding = section.kind === "forbid" && (verb ?? true);
  const facts = draft.facts();
  for (const item of itemsOf(section)) {
    if (item.fence !== undefined && section.kind !== "forbid") continue;
    for (const clause of findProhibitions(item, forbidding, place.kindOf)) {
      if (section.kind === "files" && clause.acts[0] === "only") continue;
      const effects = classify(clause, item, facts);
      draft.prohibit(clause.text, clause.line, effects);
    }
    if (section.kind === "forbid" || /^(context|background)/.test(section.words)) continue;
    for (const rule of readPermissions(item)) draft.rule(rule);
  }
}

function readCorrects(sections: readonly Section[]): string | undefined {
  for (const section of sections) {
    for (const line of section.lines) {
      const found = line.fence === undefined && /^\W{0,4}corrects\W{0,3}:\W{0,4}([\w.-]+)/i.exec(line.text);
      if (found) return slugOf(found[1] ?? "");
    }
  }
  return undefined;
}

/** The slug in a file name: without folder, date and ending. */
export function slugOf(fileName: string): string {
  const name = fileName.split(/[/\\]/).at(-1) ?? "";
  const plain = name.replace(/\.(txt|md|markdown|json)$/i, "");
  return plain.replace(/^\d{8}[-_]?(?=.)/, "") || plain;
}

function titleOf(line: string): string {
  return line
    .replace(/^[#\s]+/, "")
    .replace(/^\*\*(.*)\*\*$/, "$1")
    .trim()
    .slice(0, 200);
}

/** The error for a task without a scope; it names the paths that were seen. */
function noScope(sections: readonly Section[], place: Place): string {
  const seen = new Set<string>();
  for (const section of sections) {
    if (section.kind === "forbid" || section.kind === "inspect") continue;
    for (const item of itemsOf(section)) {
      const read = readFileItem(item, place.kindOf);
      if (item.fence === undefined) for (const path of [...read.paths, ...read.mentions]) seen.add(path.raw);
    }
  }
  const hint =
    seen.size > 0
      ? ` It mentions ${[...seen].slice(0, 3).map(quote).join(", ")} without saying that they are to be changed.`
      : "";
  return `no scope: the task does not say which files may be changed.${hint} Add a list of files, ${example}`;
}
