import * as z from "zod/mini";
import { parseJson } from "../../../shared/state/files.ts";
import { VERSION } from "../../../shared/version.ts";
import { type Claude, type ClaudePlugin, findClaude, isHere, quiet } from "../install/claude-cli.ts";
import type { Place } from "../install/plan.ts";
import { firstLine, runProgram } from "../install/program.ts";
import { type Finding, ok, type Part, problem, warning } from "./part.ts";

const TESTED = /^2\.1\./;
const INSTALL = "handrail init --host claude";

/** What `claude plugin validate --json` answers with (2.1.329, measured). */
const faultsSchema = z.looseObject({
  errors: z.array(z.looseObject({ path: z.optional(z.string()), message: z.string() })),
  warnings: z.array(z.looseObject({ path: z.optional(z.string()), message: z.string() })),
});
const validationSchema = z.looseObject({
  success: z.boolean(),
  manifest: z.optional(faultsSchema),
  contents: z._default(z.array(faultsSchema), []),
});

export function claudeParts(directory: string, root: string | undefined, env: NodeJS.ProcessEnv): Part[] {
  const place: Place = { level: "project", root, env };
  const claude = findClaude(place);
  if (!claude) {
    const missing = warning(
      "no claude on PATH: nothing can be delegated from Claude Code",
      "npm install -g @anthropic-ai/claude-code",
    );
    return [{ name: "claude", check: async () => missing }];
  }
  return [
    { name: "claude", check: () => checkVersion(claude.program, directory, env) },
    { name: "claude-plugin", check: () => checkEnabled(claude, place) },
    { name: "hooks", check: () => checkHooks(claude, place, directory) },
  ];
}

async function checkVersion(program: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Finding> {
  const ended = await runProgram(program, ["--version"], { cwd, env: quiet(env) });
  const version = firstLine(ended.stdout).replace(/ .*/, "");
  if (ended.code !== 0)
    return problem(`${program} does not start`, "npm install -g @anthropic-ai/claude-code");
  return TESTED.test(version)
    ? ok(`${version} (${program})`)
    : warning(`${version} (${program}) is not a version Handrail was tested with`, "use Claude Code 2.1.x");
}

async function checkEnabled(claude: Claude, place: Place): Promise<Finding> {
  const plugin = await active(claude, place);
  if (!plugin) return problem("Claude Code does not have the plugin here", INSTALL);
  if (!plugin.enabled) return problem("Claude Code has the plugin, but it is disabled", INSTALL);
  return plugin.version === VERSION
    ? ok(`${VERSION}, enabled (${plugin.scope})`)
    : warning(`Claude Code has version ${plugin.version}, and this is ${VERSION}`, INSTALL);
}

async function checkHooks(claude: Claude, place: Place, cwd: string): Promise<Finding> {
  const plugin = await active(claude, place);
  const folder = plugin?.readFromFolder ?? plugin?.installPath;
  if (folder === undefined) return warning("not checked: the plugin is not installed", INSTALL);
  const args = ["plugin", "validate", folder, "--strict", "--json"];
  const ended = await runProgram(claude.program, args, { cwd, env: quiet(place.env) });
  const answer = parseJson(ended.stdout, validationSchema);
  if (!answer.ok) return problem(`claude plugin validate gave no answer for ${folder}`, INSTALL);
  if (answer.value.success) return ok(`valid (${folder})`);
  const parts = [...(answer.value.manifest ? [answer.value.manifest] : []), ...answer.value.contents];
  const fault = parts.flatMap((part) => [...part.errors, ...part.warnings])[0];
  const words = fault ? `${fault.path ?? ""}: ${fault.message}` : "no reason given";
  return problem(`Claude Code finds a fault in ${folder}: ${words}`, INSTALL);
}

/** The installation that counts here: the project's before the user's own. */
async function active(claude: Claude, { root }: Place): Promise<ClaudePlugin | undefined> {
  const all = await claude.installations();
  return (
    all.find((plugin) => isHere(plugin, { level: "project", root })) ??
    all.find((plugin) => plugin.scope === "local" && plugin.projectPath === root) ??
    all.find((plugin) => isHere(plugin, { level: "user", root }))
  );
}
