/**
 * Takes Handrail's own variables out of the process's environment and returns the environment as it was.
 * Commands of the executor inherit OpenCode's environment; deleting a variable in a plugin keeps it from
 * them (facts, opencode.md). The state folder's place stays: it is no secret, and everything reads it.
 */
export function takeEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const taken = { ...env };
  for (const name of Object.keys(env)) {
    if (name.startsWith("HANDRAIL_") && name !== "HANDRAIL_STATE_DIR") delete env[name];
  }
  return taken;
}
