import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The user's folder of OpenCode's configuration. */
export function opencodeUserFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "opencode");
}

/**
 * The files that OpenCode 1.18.33 reads its configuration from, weakest first (`Config.loadInstanceState`),
 * whether they exist or not. Remote, account and managed configuration is left out.
 * @param directory where OpenCode is started
 * @param worktree top level of the repository around it
 */
export function opencodeConfigFiles(directory: string, worktree: string, env: NodeJS.ProcessEnv): string[] {
  const user = opencodeUserFolder(env);
  const files = [join(user, "config.json"), ...bothIn(user)];
  if (env.OPENCODE_CONFIG) files.push(env.OPENCODE_CONFIG);
  if (!env.OPENCODE_DISABLE_PROJECT_CONFIG) {
    const folders = foldersBetween(worktree, directory);
    files.push(...folders.flatMap(bothIn));
    files.push(...folders.flatMap((folder) => bothIn(join(folder, ".opencode"))));
  }
  if (env.OPENCODE_CONFIG_DIR) files.push(...bothIn(env.OPENCODE_CONFIG_DIR));
  return files;
}

/** The folders whose `*.ts` and `*.js` OpenCode 1.18.33 loads as plugins, without any entry (measured). */
export function opencodePluginFolders(directory: string, worktree: string, env: NodeJS.ProcessEnv): string[] {
  const folders = [opencodeUserFolder(env)];
  if (!env.OPENCODE_DISABLE_PROJECT_CONFIG) {
    folders.push(...foldersBetween(worktree, directory).map((folder) => join(folder, ".opencode")));
  }
  if (env.OPENCODE_CONFIG_DIR) folders.push(env.OPENCODE_CONFIG_DIR);
  return folders.flatMap((folder) => [join(folder, "plugin"), join(folder, "plugins")]);
}

/** Those of the files that exist, with their text. What cannot be read is left out: OpenCode reports it. */
export function* opencodeConfigTexts(
  directory: string,
  worktree: string,
  env: NodeJS.ProcessEnv,
): Generator<{ file: string; text: string }> {
  for (const file of opencodeConfigFiles(directory, worktree, env)) {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch {
      continue;
    }
    yield { file, text };
  }
}

function bothIn(folder: string): string[] {
  return [join(folder, "opencode.json"), join(folder, "opencode.jsonc")];
}

/** From the outermost folder to the innermost, both included. */
function foldersBetween(outer: string, inner: string): string[] {
  const folders = [inner];
  for (let at = inner; at !== outer && dirname(at) !== at; ) {
    at = dirname(at);
    folders.unshift(at);
  }
  return folders;
}
