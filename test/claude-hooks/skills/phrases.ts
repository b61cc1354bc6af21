/**
 * What a user may say, and which skill should be found for it.
 *
 * Judged by a fresh reader who had before him only what Claude Code 2.1.329 sends with a conversation:
 * `handrail:<skill>: <description>` for each skill, among the other skills and the slash commands. For each phrase
 * he named the skill he would load, and the words that decided it. Where that left a doubt ("use opencode to
 * implement feature 1 of the plan", "let opencode review this branch", "run these three tasks", "the work is
 * long") he changed the descriptions, and judged all phrases again. `REVIEWED` is the hash of what was judged:
 * after a change of a description judge the table anew, and only then write the new hash.
 */
export const REVIEWED = "6922e3d40ee2c409";

export interface Phrase {
  says: string;
  /** undefined: none of these skills. */
  finds: string | undefined;
  /** Words of that skill's description, or why none fits. */
  because: string;
  /** Another skill comes near; these words of its description keep it away. */
  not?: [skill: string, words: string];
}

export const PHRASES: Phrase[] = [
  // One task, OpenCode is named.
  {
    says: "use opencode to add a retry to the client",
    finds: "opencode-executor",
    because: '"use opencode to add X"',
  },
  {
    says: "opencode task: fix the rounding in invoices",
    finds: "opencode-executor",
    because: '"opencode task: fix Y"',
  },
  {
    says: "delegate to opencode: write the parser",
    finds: "opencode-executor",
    because: '"delegate to opencode"',
  },
  { says: "let opencode do it", finds: "opencode-executor", because: '"let opencode do it"' },
  {
    says: "delegate this coding task to OpenCode and review the diff",
    finds: "opencode-executor",
    because: "Delegates one coding task to OpenCode",
  },
  {
    says: "have opencode write the tests for src/cart.ts",
    finds: "opencode-executor",
    because: '"have opencode write the tests"',
  },
  {
    says: "can OpenCode write this code? you review the diff",
    finds: "opencode-executor",
    because: "OpenCode writes the code",
  },
  {
    says: "write a task file for opencode and have it rename the module",
    finds: "opencode-executor",
    because: "writes the task file",
    not: ["opencode-orchestration", "already written and approved"],
  },
  // Features of an exec plan.
  {
    says: "/task-iteration docs/exec-plan.md 2",
    finds: "task-iteration",
    because: '"/task-iteration plan.md"',
  },
  {
    says: "implement feature 2 of the exec plan",
    finds: "task-iteration",
    because: '"implement feature 2 of the exec plan"',
  },
  {
    says: "work through the features of docs/exec-plan.md",
    finds: "task-iteration",
    because: '"work through docs/exec-plan.md"',
  },
  {
    says: "go on with the feature loop after the restart",
    finds: "task-iteration",
    because: '"go on with the feature loop"',
  },
  { says: "what is the GENERATE command pattern?", finds: "task-iteration", because: "command patterns" },
  {
    says: "show me the FIX LOOP commands",
    finds: "task-iteration",
    because: "GENERATE / EVALUATE / FIX LOOP",
  },
  {
    says: "which phase is the cart feature in?",
    finds: "task-iteration",
    because: '"which phase is the feature in"',
  },
  {
    says: "deliver the next feature of plan.md with a generator and an independent reviewer",
    finds: "task-iteration",
    because: "generator and independent reviewer",
  },
  {
    says: "use opencode to implement feature 1 of the exec plan",
    finds: "task-iteration",
    because: '"implement feature 2 of the exec plan"',
    not: ["opencode-executor", "Not for features of an exec plan"],
  },
  // Sessions, jobs, reviews.
  {
    says: "which sessions and jobs of OpenCode are running?",
    finds: "opencode-companion",
    because: "list, stop or cancel an OpenCode session or job",
  },
  {
    says: "attach to the OpenCode session that timed out",
    finds: "opencode-companion",
    because: "attach to",
  },
  {
    says: "cancel the opencode background job",
    finds: "opencode-companion",
    because: "cancel an OpenCode session or job",
  },
  {
    says: "what is OpenCode doing right now?",
    finds: "opencode-companion",
    because: '"what is OpenCode doing"',
  },
  { says: "is the opencode job done?", finds: "opencode-companion", because: '"is the opencode job done"' },
  {
    says: "the delegated run hangs, recover it",
    finds: "opencode-companion",
    because: "when a delegated run timed out, hangs or was lost",
  },
  {
    says: "let opencode review this branch",
    finds: "opencode-companion",
    because: '"let opencode review this branch"',
    not: ["opencode-executor", "nor for sessions, jobs and reviews (opencode-companion)"],
  },
  {
    says: "what did that delegated run cost?",
    finds: "opencode-companion",
    because: '"what did the delegated run cost"',
  },
  {
    says: "continue the opencode session with one more prompt",
    finds: "opencode-companion",
    because: "continue",
  },
  // What is written and approved, and several tasks.
  {
    says: "hand this packet to OpenCode",
    finds: "opencode-orchestration",
    because: '"hand this packet to OpenCode"',
  },
  {
    says: "execute the packet packets/TASK-123.json, its packet_version is v1",
    finds: "opencode-orchestration",
    because: "an execution packet (JSON packet, task file, plan artifacts)",
  },
  {
    says: "run these three opencode tasks in parallel",
    finds: "opencode-orchestration",
    because: '"run these three opencode tasks in parallel"',
    not: ["opencode-executor", "for packets or several tasks at once (opencode-orchestration)"],
  },
  {
    says: "schedule the approved task files",
    finds: "opencode-orchestration",
    because: '"schedule the task files"',
  },
  {
    says: "an OpenClaw agent waits for the callback of this packet",
    finds: "opencode-orchestration",
    because: "when a callback must reach its caller (OpenClaw, an MCP client)",
  },
  {
    says: "these opencode tasks overlap, coordinate them",
    finds: "opencode-orchestration",
    because: "when several coding tasks have to be coordinated",
  },
  // Near by, and none of them.
  { says: "create a ticket for this bug", finds: undefined, because: "tickets are the outer agent's" },
  { says: "research which HTTP library we should take", finds: undefined, because: "research, no code" },
  { says: "rename this variable", finds: undefined, because: "a small edit, OpenCode is not named" },
  { says: "what does this function do?", finds: undefined, because: "a question about code" },
  { says: "fix the typo in the README", finds: undefined, because: "a small edit, OpenCode is not named" },
  { says: "write a commit message", finds: undefined, because: "Claude's own words" },
  { says: "explain how React hooks work", finds: undefined, because: "no coding work" },
  { says: "open the code of the cart", finds: undefined, because: "two words that only look like OpenCode" },
  { says: "add a callback to the button", finds: undefined, because: "a callback in code, nobody's report" },
  { says: "run the unit tests", finds: undefined, because: "Claude's own Bash" },
  {
    says: "plan the migration to Postgres",
    finds: undefined,
    because: "planning, and no exec plan is named",
  },
  {
    says: "add a cron scheduler to the worker",
    finds: undefined,
    because: "scheduling in code, no task files",
  },
  { says: "log the user out when the session expires", finds: undefined, because: "a session in code" },
  { says: "review my pull request", finds: undefined, because: "OpenCode is not named; Claude reviews" },
];
