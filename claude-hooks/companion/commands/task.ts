import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Command } from "commander";
import { EXIT, HandrailError } from "../../../shared/errors.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { findRoot, locateTask } from "../../../shared/task/locate.ts";
import { TASK_DIR } from "../../../shared/task/prompt.ts";
import type { Prohibition, TaskIssue, TaskSpec } from "../../../shared/task/spec.ts";
import { isSlug, taskFileName, taskTemplate } from "../../../shared/task/template.ts";
import { emit, paint } from "../output.ts";

export function configure(command: Command): void {
  command
    .command("check")
    .summary("say what was understood of a task file, and how each prohibition is enforced")
    .description("say what was understood of a task file, and how each prohibition is enforced")
    .argument("<file>", "task file or coding packet")
    .addHelpText("after", "\nExample:\n  handrail task check opencode_tasks/20261121-add-retry.txt")
    .action((file: string, options: { json?: boolean }) => check(file, options));
  command
    .command("new")
    .summary("write a task file with all sections, to be filled in")
    .description("write a task file with all sections, to be filled in")
    .argument("<slug>", "short name, for example add-retry")
    .addHelpText("after", '\nExample:\n  handrail task new add-retry --title "Add retry to the client"')
    .option("--title <text>", "first line of the task")
    .option("--dir <folder>", "folder for it, below the repository root", TASK_DIR)
    .action((slug: string, options: { title?: string; dir: string; json?: boolean }) =>
      create(slug, options),
    );
}

function check(file: string, options: { json?: boolean }): void {
  const root = findRoot(process.cwd());
  const path = locateTask(file, root, process.cwd());
  const spec = loadTask(path, root);
  emit(options, { file: path, ...spec }, () => describe(path, spec), spec.ok ? EXIT.done : EXIT.usage);
}

function describe(file: string, spec: TaskSpec): string {
  const { scope } = spec;
  const issue = (kind: string, colour: number) => (one: TaskIssue) =>
    `${file}${one.line === undefined ? "" : `:${one.line}`}: ${paint(colour, kind)}: ${one.message}`;
  const list = (name: string, items: readonly string[]) =>
    items.length === 0 ? [] : [`${`${name}:`.padEnd(12)}${items.map(printable).join(", ")}`];
  return [
    `${spec.slug}: ${printable(spec.title)}`,
    ...list("modify", scope.allow),
    ...list("inspect", scope.inspect),
    ...list("rules", scope.rules),
    ...list("validation", spec.validation),
    ...(spec.prohibitions.length > 0 ? ["prohibitions:"] : []),
    ...spec.prohibitions.map((one) => `  ${printable(one.text)}\n    ${enforcement(one)}`),
    ...spec.warnings.map(issue("warning", 33)),
    ...spec.errors.map(issue("error", 31)),
    spec.ok ? paint(32, "ok") : paint(31, "not ok: nothing can be delegated with it"),
  ].join("\n");
}

function enforcement(one: Prohibition): string {
  const paths = one.paths && one.paths.length > 0 ? `: ${one.paths.map(printable).join(", ")}` : "";
  if (one.enforcement === "advisory") return "advice, for the executor and the reviewer";
  if (one.enforcement === "rule") return `enforced as rule ${one.rule}${paths}`;
  return paths === "" ? "enforced: only the files to modify are written" : `enforced as path${paths}`;
}

/** Control characters of a task must not reach the terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, "?");
}

function create(slug: string, options: { title?: string; dir: string; json?: boolean }): void {
  if (!isSlug(slug))
    throw new HandrailError(
      "bad-usage",
      `"${printable(slug.slice(0, 60))}" is no slug: lower-case words joined by hyphens, at most 80 characters`,
      {
        fix: "handrail task new add-retry",
      },
    );
  const title = (options.title ?? slug.replace(/[-_.]+/g, " ")).trim();
  if (title === "" || /^-|\p{C}/u.test(title))
    throw new HandrailError("bad-usage", 'the title is one line of text and does not start with "-"', {
      fix: `handrail task new ${slug} --title "Add retry to the client"`,
    });
  const root = findRoot(process.cwd());
  const folder = taskFolder(root, options.dir);
  const file = join(folder, taskFileName(slug, new Date()));
  const shown = relative(root, file);
  if (existsSync(file))
    throw new HandrailError("bad-usage", `${shown} exists already`, {
      fix: "choose another slug, or edit that file",
    });
  writeFileSync(file, taskTemplate(title), { flag: "wx" });
  emit(
    options,
    { file: shown, slug, title },
    () => `${shown}\nfill it in, then: handrail task check ${shown}`,
  );
}

/** Makes the folder for tasks, which ignores itself; what is there already stays as it is. */
function taskFolder(root: string, dir: string): string {
  const folder = resolve(root, dir);
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  if (!statSync(existing).isDirectory())
    throw new HandrailError("bad-usage", `--dir ${dir}: ${relative(root, existing)} is a file`, {
      fix: `leave --dir away for ${TASK_DIR}/`,
    });
  const inside =
    folder.startsWith(`${root}${sep}`) && `${realpathSync(existing)}${sep}`.startsWith(`${root}${sep}`);
  const isGits = relative(root, folder)
    .split(sep)
    .some((name) => name.toLowerCase() === ".git");
  if (!inside || isGits)
    throw new HandrailError(
      "bad-usage",
      `--dir ${dir} lies ${isGits ? "in .git" : "outside the repository"}`,
      {
        fix: `leave --dir away for ${TASK_DIR}/`,
      },
    );
  const isNew = existing !== folder;
  mkdirSync(folder, { recursive: true });
  const ignore = join(folder, ".gitignore");
  if ((isNew || dir === TASK_DIR) && !existsSync(ignore)) writeFileSync(ignore, "*\n", { flag: "wx" });
  return folder;
}
