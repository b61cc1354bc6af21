import { BLOCKING_PROVIDER, USER_CONFIG_VARIABLE } from "../../shared/config/failclosed.ts";

/**
 * Shell lines that give every command of a session what a delegation needs: who asked, where to call back,
 * and a configuration with which OpenCode starts no model unless Handrail's plugin lifts it.
 *
 * They go to `CLAUDE_ENV_FILE`, which Claude Code sources before each Bash call, in the background and in
 * sub-agents too (measured on 2.1.329). Not to the command by `updatedInput`: then the user's permission
 * rules are asked about the longer command, and no longer match. The user's own `OPENCODE_CONFIG_CONTENT`
 * is merged by the shell, so that what it holds is written to no file.
 * @param inbox an absolute path
 */
export function sessionExports(sessionId: string, inbox: string): string {
  const block = `"enabled_providers":["${BLOCKING_PROVIDER}"]`;
  return `export HANDRAIL_ORIGIN_SESSION_ID=${quoted(sessionId)}
export HANDRAIL_INBOX=${quoted(inbox)}
case "\${OPENCODE_CONFIG_CONTENT-}" in
*${BLOCKING_PROVIDER}*) ;;
*:*)
  export ${USER_CONFIG_VARIABLE}="$OPENCODE_CONFIG_CONTENT"
  OPENCODE_CONFIG_CONTENT="\${OPENCODE_CONFIG_CONTENT%"}"*},"${quoted(`${block}}`)} ;;
*) OPENCODE_CONFIG_CONTENT=${quoted(`{${block}}`)} ;;
esac
export OPENCODE_CONFIG_CONTENT
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
