import type { PluginInput } from "@opencode-ai/plugin";

interface Update {
  title?: string;
  /** Known to the server (1.18.33, PATCH /session/:id), not to the SDK's first version. */
  permission: { permission: string; pattern: string; action: "allow" }[];
}

/**
 * Lets a held session look outside the repository without OpenCode's own question. In `opencode run`
 * nobody answers it, and the unanswered question ends the executor's work (facts, opencode.md); what is
 * written there is the guard's and the confinement's to refuse.
 */
export async function allowLookingOutside(client: PluginInput["client"], sessionID: string): Promise<void> {
  const body: Update = { permission: [{ permission: "external_directory", pattern: "*", action: "allow" }] };
  await client.session.update({ path: { id: sessionID }, body });
}
