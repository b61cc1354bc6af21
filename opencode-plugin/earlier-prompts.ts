import type { PluginInput } from "@opencode-ai/plugin";

/** The texts of a session's user messages, newest first; synthetic parts are OpenCode's, not the user's. */
export async function earlierPrompts(client: PluginInput["client"], sessionID: string): Promise<string[]> {
  const answer = await client.session.messages({ path: { id: sessionID } });
  if (!answer.data) throw new Error(`OpenCode gives no messages of session ${sessionID}`);
  return answer.data
    .filter((message) => message.info.role === "user")
    .map((message) =>
      message.parts
        .flatMap((part) => (part.type === "text" && !part.synthetic ? [part.text] : []))
        .join("\n"),
    )
    .reverse();
}
