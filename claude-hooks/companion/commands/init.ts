import { createInterface } from "node:readline/promises";
import { type Command, Option } from "commander";
import { HandrailError } from "../../../shared/errors.ts";
import { pluginFile } from "../../../shared/serve/plugin-file.ts";
import { findProgram } from "../../../shared/serve/program.ts";
import { registerProject, unregisterProject } from "../../../shared/state/projects.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { openHere } from "../here.ts";
import { planClaude, planClaudeUndo } from "../install/claude.ts";
import { planOpencode, planOpencodeUndo } from "../install/opencode.ts";
import { marketplaceFolder } from "../install/package.ts";
import { type Change, type Host, joined, type NotDone, type Place, type Plan } from "../install/plan.ts";
import { emit } from "../output.ts";

interface InitOptions {
  undo?: boolean;
  yes?: boolean;
  user?: boolean;
  host?: Host;
  json?: boolean;
}

const OPENCODE_FIX = "npm install -g opencode-ai, then: handrail doctor";

export function configure(command: Command): void {
  command
    .option("--undo", "take the installation back")
    .option("--yes", "ask nothing")
    .addOption(new Option("--project", "for this project (the default)").conflicts("user"))
    .option("--user", "for every project of yours")
    .addOption(new Option("--host <host>", "one side only").choices(["opencode", "claude"]))
    .addHelpText("after", "\nExample:\n  handrail init --user --yes && handrail doctor")
    .action(init);
}

async function init(options: InitOptions): Promise<void> {
  const place = await findPlace(options.user ?? false);
  const plan = await (options.undo ? planUndo(place, options.host) : planInstall(place, options.host));
  const missing = plan.notDone.find((side) => side.host === options.host);
  if (missing) throw new HandrailError(missing.code, missing.message, { fix: missing.fix });
  if (plan.changes.length > 0 && !options.yes) await agree(plan, options);
  const done: { host: Host; file: string; message: string }[] = [];
  for (const change of plan.changes) {
    const message = await change.apply();
    done.push({ host: change.host, file: change.file, message });
  }
  register(place, options.undo ?? false);
  const { already, notDone } = plan;
  const value = { undo: options.undo ?? false, changed: done.length > 0, done, already, notDone };
  emit(options, value, () => {
    const shown = options.yes ? preview(plan.changes) : [];
    const facts = [...shown, ...done.map((one) => one.message), ...already, ...leftOut(notDone)];
    if (done.length === 0) return [...facts, "Nothing to do."].join("\n");
    return [...facts, ...(options.undo ? [] : afterwards(place))].join("\n");
  });
}

async function planInstall(place: Place, host: Host | undefined): Promise<Plan> {
  const plans: Plan[] = [];
  if (host !== "claude") {
    const present = findProgram("opencode", place.root ?? "", place.env) !== undefined;
    if (!present && host)
      throw new HandrailError("opencode-missing", "no opencode on PATH", { fix: OPENCODE_FIX });
    plans.push(planOpencode(place, pluginFile()));
    if (!present) plans.push({ changes: [], already: [], notDone: [OPENCODE_MISSING] });
  }
  if (host !== "opencode") plans.push(await planClaude(place, marketplaceFolder()));
  return joined(plans);
}

async function planUndo(place: Place, host: Host | undefined): Promise<Plan> {
  const plans: Plan[] = [];
  if (host !== "claude") plans.push(planOpencodeUndo(place));
  if (host !== "opencode") plans.push(await planClaudeUndo(place));
  return joined(plans);
}

/** The bridge's tools work in projects that a person has chosen. */
function register({ level, root }: Place, undo: boolean): void {
  if (level !== "project" || root === undefined) return;
  if (undo) unregisterProject(root);
  else registerProject(root, "init");
}

const OPENCODE_MISSING: NotDone = {
  host: "opencode",
  code: "opencode-missing",
  message: "OpenCode: no opencode on PATH; its configuration is ready for when it is there",
  fix: OPENCODE_FIX,
};

/** For the user's own configuration a repository is not needed, but one that is there counts. */
async function findPlace(user: boolean): Promise<Place> {
  const env = process.env;
  if (!user) return { level: "project", root: (await openHere()).root, env };
  try {
    return { level: "user", root: (await openRepository(process.cwd())).root, env };
  } catch (error) {
    if (!(error instanceof HandrailError)) throw error;
    return { level: "user", root: undefined, env };
  }
}

/** @throws HandrailError `bad-usage` where nobody can be asked, `run-failed` when the answer is no */
async function agree(plan: Plan, options: InitOptions): Promise<void> {
  const asked = calledAs(options);
  if (options.json || !process.stdin.isTTY || !process.stdout.isTTY) {
    if (!options.json) process.stdout.write(`${preview(plan.changes).join("\n")}\n`);
    throw new HandrailError("bad-usage", `${asked} asks before it changes files, and there is no terminal`, {
      fix: `${asked} --yes`,
    });
  }
  process.stdout.write(`${[...preview(plan.changes), ...leftOut(plan.notDone)].join("\n")}\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
  const answer = await Promise.race([terminal.question("Do this? [y/N] "), closed]);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new HandrailError("run-failed", "nothing was changed", { fix: `${asked} --yes` });
  }
}

function afterwards({ level }: Place): string[] {
  const note = "Note: these files now name a path of this machine; leave that out of commits, or use --user.";
  return [...(level === "project" ? [note] : []), "Next: handrail doctor"];
}

/** The command again, as it was given: for the fix. */
function calledAs({ undo, user, host }: InitOptions): string {
  return ["handrail init", undo && "--undo", user && "--user", host && `--host ${host}`]
    .filter(Boolean)
    .join(" ");
}

const NAMES = { opencode: "OpenCode", claude: "Claude Code" } as const;

function preview(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => [
    `${NAMES[change.host]}: ${change.file}`,
    ...change.lines.map((line) => `  ${line}`),
  ]);
}

function leftOut(notDone: readonly NotDone[]): string[] {
  return notDone.flatMap((side) => [side.message, `  fix: ${side.fix}`]);
}
