import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { opencodeConfigTexts } from "../../../shared/config/opencode-sources.ts";
import { SIGN_VARIABLE, type Sign, signSchema } from "../../../shared/run/sign.ts";
import { findProgram } from "../../../shared/serve/program.ts";
import { readJson } from "../../../shared/state/files.ts";
import { stateDir } from "../../../shared/state/place.ts";
import { VERSION } from "../../../shared/version.ts";
import { opencodePluginInstalled } from "../../install/detect.ts";
import { schemaAdded } from "../install/opencode-config.ts";
import { firstLine, runProgram } from "../install/program.ts";
import { writeUserFile } from "../install/user-file.ts";
import { type Finding, ok, type Part, problem, warning } from "./part.ts";

const TESTED = /^1\.18\./;
const INSTALL = "handrail init --host opencode";

/** @param directory where OpenCode would be started; @param root of the working tree around it */
export function opencodeParts(directory: string, root: string | undefined, env: NodeJS.ProcessEnv): Part[] {
  const program = findProgram("opencode", root ?? "", env);
  if (!program) {
    const missing = problem("no opencode on PATH", "npm install -g opencode-ai");
    return [{ name: "opencode", check: async () => missing }];
  }
  return [
    { name: "opencode", check: () => checkVersion(program, directory, env) },
    { name: "opencode-plugin", check: () => checkLoaded(program, directory, root ?? directory, env) },
  ];
}

async function checkVersion(program: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Finding> {
  const ended = await runProgram(program, ["--version"], { cwd, env: offline(env) });
  const version = firstLine(ended.stdout);
  if (ended.code !== 0) return problem(`${program} does not start`, "npm install -g opencode-ai");
  return TESTED.test(version)
    ? ok(`${version} (${program})`)
    : warning(`${version} (${program}) is not a version Handrail was tested with`, "use OpenCode 1.18.x");
}

/**
 * Starts the real OpenCode as far as it resolves its configuration, which starts the plugins too, and looks
 * for the sign that ours leaves: no model, no network, and the configuration stays as it is.
 */
async function checkLoaded(
  program: string,
  cwd: string,
  root: string,
  env: NodeJS.ProcessEnv,
): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), "handrail-doctor-"));
  const before = [...opencodeConfigTexts(cwd, root, env)];
  try {
    const file = join(folder, "sign.json");
    const start = { ...offline(env), ...apart(folder, env), [SIGN_VARIABLE]: file, PWD: cwd };
    const ended = await runProgram(program, ["debug", "config"], { cwd, env: start });
    const sign = readJson(file, signSchema);
    if (sign) return loaded(sign);
    if (ended.code !== 0) {
      const words = firstLine(ended.stderr) || `it ended with ${ended.signal ?? ended.code} and no message`;
      return problem(`OpenCode does not start here: ${words}`, "opencode debug config");
    }
    return notLoaded(cwd, root, env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    for (const { file, text } of before) undoSchema(file, text);
  }
}

function loaded(sign: Sign): Finding {
  if (sign.problem !== undefined) {
    return problem(
      `OpenCode loads it, but it can hold nothing here: ${sign.problem}`,
      "mend what the other parts name",
    );
  }
  return sign.version === VERSION
    ? ok(`${sign.version}, loaded by OpenCode`)
    : warning(`OpenCode loads version ${sign.version}, and this is ${VERSION}`, INSTALL);
}

function notLoaded(cwd: string, root: string, env: NodeJS.ProcessEnv): Finding {
  const { installed, where, problem: why } = opencodePluginInstalled(root, env, cwd);
  if (why !== undefined) return problem(`OpenCode starts without the plugin: ${why}`, INSTALL);
  if (!installed) return problem("OpenCode starts without the plugin: no configuration names it", INSTALL);
  return problem(
    `OpenCode starts without the plugin, although ${where} names it`,
    `${INSTALL}; for OpenCode's own words: opencode debug config --print-logs`,
  );
}

/** OpenCode adds `$schema` to a configuration without one; a check leaves nothing behind. */
function undoSchema(file: string, before: string): void {
  if (readFileSync(file, "utf8") === schemaAdded(before)) writeUserFile(file, Buffer.from(before));
}

/**
 * Data and state of OpenCode's own, in a folder that goes: an OpenCode that ends during its start leaves a
 * lock in its state folder for which the next one waits a minute (1.18.33, measured).
 */
function apart(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    XDG_DATA_HOME: join(folder, "data"),
    XDG_STATE_HOME: join(folder, "state"),
    HANDRAIL_STATE_DIR: stateDir(env),
    // With this OpenCode makes no configuration of the user's where there is none.
    OPENCODE_CONFIG_CONTENT: env.OPENCODE_CONFIG_CONTENT || "{}",
  };
}

function offline(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...env,
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    npm_config_offline: "true",
  };
}
