/** No secrets: the state folder's place, which everything reads, and how commands are to be held. */
const STAY = new Set(["HANDRAIL_STATE_DIR", "HANDRAIL_CONFINEMENT"]);
/** OpenCode has read it by now (1.18.33, measured); with it a command could drive the server past the guard. */
const PASSWORD = "OPENCODE_SERVER_PASSWORD";

/**
 * Takes Handrail's own variables and the server's password out of the process's environment and returns the
 * environment as it was. Commands of the executor inherit OpenCode's environment; deleting a variable in a
 * plugin keeps it from them (facts, opencode.md).
 */
export function takeEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const taken = { ...env };
  for (const name of Object.keys(env)) {
    if (name.startsWith("HANDRAIL_") && !STAY.has(name)) delete env[name];
  }
  delete env[PASSWORD];
  return taken;
}
