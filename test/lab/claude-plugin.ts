import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { INSTRUCTIONS } from "../../claude-hooks/bridge/server.ts";
import { inboxDir } from "../../shared/callback/inbox.ts";
import { startAnthropicServer } from "./anthropic-server.ts";
import { type Claude, setUpClaude } from "./claude.ts";
import { closing } from "./cleanup.ts";
import type { ModelServer } from "./model-server.ts";
import { projectRoot } from "./process.ts";
import { makeRepo, type Repo, type RepoOptions, SAMPLE } from "./repo.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";
import type { ModelRequest, Script } from "./script.ts";

/** The Claude Code plugin, as it lies in this project; `npm run build` makes what its hooks run. */
export const CLAUDE_PLUGIN = join(projectRoot, "claude-hooks");

export interface PluginSession {
  sandbox: Sandbox;
  model: ModelServer;
  repo: Repo;
  claude: Claude;
  /** For `--session-id`, so that a test knows the inbox before the session is there. */
  sessionId: string;
  sessionArgs: string[];
  inbox: string;
}

export interface PluginOptions {
  repo?: RepoOptions;
  env?: NodeJS.ProcessEnv;
  plugins?: string[];
}

/** A repository and the real claude with Handrail's plugin, on a scripted model. To be called in a test. */
export async function setUpPlugin(script: Script, options: PluginOptions = {}): Promise<PluginSession> {
  const sandbox = closing(makeSandbox());
  const model = closing(await startAnthropicServer(script));
  const repo = makeRepo(join(sandbox.dir, "repo"), options.repo ?? SAMPLE);
  const claude = setUpClaude({
    sandbox,
    modelUrl: model.url,
    plugins: options.plugins ?? [CLAUDE_PLUGIN],
    ...(options.env ? { env: options.env } : {}),
  });
  const sessionId = randomUUID();
  return {
    sandbox,
    model,
    repo,
    claude,
    sessionId,
    sessionArgs: ["--session-id", sessionId],
    inbox: inboxDir(sessionId, sandbox.env),
  };
}

/** How many messages of a conversation, as the model was last sent it, hold a text. */
export function timesTold(requests: readonly ModelRequest[], text: string): number {
  const last = requests.at(-1);
  return last?.messages.filter((message) => message.text.includes(text)).length ?? 0;
}

/** What the hooks have told the model in this conversation, oldest first. */
export function hookTexts(requests: readonly ModelRequest[]): string[] {
  const messages = requests.at(-1)?.messages ?? [];
  return (
    messages
      .filter((message) => message.role !== "assistant" && message.text.includes("Handrail"))
      // What the bridge says of itself comes with every session.
      .filter((message) => !message.text.includes(INSTRUCTIONS))
      .map((message) => message.text)
  );
}
