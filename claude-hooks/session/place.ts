import { join } from "node:path";
import { stateDir } from "../../shared/state/place.ts";

/** The plugin's own folder: `CLAUDE_PLUGIN_DATA`, which Claude Code sets for every hook. */
export function pluginData(env: NodeJS.ProcessEnv): string {
  return env.CLAUDE_PLUGIN_DATA || join(stateDir(env), "claude");
}
