/**
 * Control files: what steers git, the agents, editors and CI. Forbidden at any depth unless the task
 * names them literally (design, section 7).
 */
const anyCase = new Set([
  "opencode_tasks",
  ".opencode",
  ".claude",
  ".mcp.json",
  "handrail.config.json",
  ".gitignore",
  ".gitattributes",
  ".gitmodules",
  ".husky",
  ".github",
  ".vscode",
]);
/** Ordinary words in lower case (`docs/agents.md`): only where case makes no difference on disk. */
const instructions = new Set(["CLAUDE.md", "AGENTS.md"]);
const instructionsFolded = new Set([...instructions].map((name) => name.toLowerCase()));

function isControlName(segment: string, caseInsensitive: boolean): boolean {
  const lower = segment.toLowerCase();
  if (anyCase.has(lower) || lower.startsWith(".env") || lower.startsWith("opencode.json")) return true;
  return caseInsensitive ? instructionsFolded.has(lower) : instructions.has(segment);
}

/**
 * How many segments of the path, from its start, a task has to name literally to open it.
 * @returns 0 when no segment is a control file; else the count up to the deepest one
 */
export function controlDepth(path: string, caseInsensitive: boolean): number {
  const segments = path.split("/");
  for (let depth = segments.length; depth > 0; depth--) {
    if (isControlName(segments[depth - 1] ?? "", caseInsensitive)) return depth;
  }
  return 0;
}
