import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { roleSchema } from "../task/roles.ts";

export const CONFIG_FILE = "handrail.config.json";

/** Paths that shell commands may write although no task names them, if git ignores them (design: scratch). */
export const DEFAULT_SCRATCH = [
  "node_modules/",
  "dist/",
  "build/",
  "target/",
  "out/",
  "coverage/",
  ".cache/",
  ".next/",
  ".nuxt/",
  ".turbo/",
  ".parcel-cache/",
  ".vite/",
  ".gradle/",
  ".venv/",
  "venv/",
  "__pycache__/",
  ".pytest_cache/",
  ".mypy_cache/",
  ".ruff_cache/",
  ".tox/",
  "*.tsbuildinfo",
  ".eslintcache",
  ".nyc_output/",
];

/** Soft and hard stall, in seconds (requirements, opencode-orchestration: lifecycle). */
const SOFT_S = 60;
const HARD_S = 180;
const SECONDS = z.number().check(
  z.refine((value) => value > 0 && value <= 24 * 3600, {
    message: "must be a number of seconds above 0, at most a day",
  }),
);

/** `handrail.config.json` at the repository root. Absent means these defaults; invalid means refuse. */
export const configSchema = z.strictObject({
  $schema: z.optional(z.string()),
  /** What a session without a task may do when a person started it by hand. */
  unbound: z._default(z.enum(["allow", "read-only"]), "allow"),
  /** Directory (`dir/`) or file patterns; only what git also ignores counts. */
  scratch: z._default(z.array(z.string()), DEFAULT_SCRATCH),
  /** MCP and custom tools that only read. */
  readOnlyTools: z._default(z.array(z.string()), []),
  /** MCP and custom tools that write one path: tool name to the name of that argument. */
  pathArguments: z._default(z.record(z.string(), z.string()), {}),
  /** Formatters run repository code outside the confinement; they are off for bound sessions unless kept. */
  keepFormatters: z._default(z.boolean(), false),
  /** After so many seconds without a sign of life a run is `stalled`, and after `hard` its caller is told. */
  stall: z._default(
    z
      .strictObject({ soft: z._default(SECONDS, SOFT_S), hard: z._default(SECONDS, HARD_S) })
      .check(z.refine(({ soft, hard }) => soft <= hard, { message: "soft must not be longer than hard" })),
    { soft: SOFT_S, hard: HARD_S },
  ),
  /** Agents beside, or instead of, those of the matrix (shared/task/roles.ts). */
  roles: z._default(z.record(z.string(), roleSchema), {}),
  /** So many acts out of its scope that were refused are drift, for which a packet's run is ended. */
  driftRefusals: z._default(z.int().check(z.gte(1)), 5),
  /** Which language agents write to each other in: `en`, or `vi` as one team requires it. */
  language: z._default(z.enum(["en", "vi"]), "en"),
  /** Whether the validation commands of task files run after the turn; those of packets always do. */
  validate: z._default(z.boolean(), false),
  /** How long one validation command may take. */
  validateMinutes: z._default(z.number().check(z.gt(0)), 10),
  /** `idleMinutes`: how long a server of Handrail's may be idle before it ends. */
  serve: z._default(z.strictObject({ idleMinutes: z._default(z.number().check(z.gt(0)), 15) }), {
    idleMinutes: 15,
  }),
  /** `waitMinutes`: how long to wait for a lease before it is escalated; `confirmMinutes`: how long an ended packet keeps its own. */
  leases: z._default(
    z.strictObject({
      waitMinutes: z._default(z.number().check(z.gte(0)), 10),
      confirmMinutes: z._default(z.number().check(z.gt(0)), 24 * 60),
    }),
    { waitMinutes: 10, confirmMinutes: 24 * 60 },
  ),
  /** Files that one run at a time may touch, by group; `[]` takes a group away (shared/lock/groups.ts). */
  sharedGroups: z._default(z.record(z.string(), z.array(z.string())), {}),
  /** What the modules of packets depend on: two modules are told apart only where both stand here. */
  modules: z._default(
    z.record(z.string(), z.strictObject({ dependsOn: z._default(z.array(z.string()), []) })),
    {},
  ),
});
export type Config = z.infer<typeof configSchema>;

/**
 * Reads the project's configuration.
 * @param root the working tree's top level
 * @throws HandrailError `invalid-config` naming the file and the field
 */
export function loadConfig(root: string): Config {
  const file = join(root, CONFIG_FILE);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return configSchema.parse({});
    throw new HandrailError(
      "invalid-config",
      `cannot read ${CONFIG_FILE} (${(error as NodeJS.ErrnoException).code})`,
      {
        fix: `make ${CONFIG_FILE} a readable file, or remove it; nothing is written until then`,
        cause: error,
      },
    );
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : "not JSON", error);
  }
  const result = configSchema.safeParse(raw);
  if (result.success) return result.data;
  throw invalid(problemOf(result.error.issues[0]), result.error);
}

/** zod/mini has no texts of its own: the first issue, in words. */
function problemOf(issue: z.core.$ZodIssue | undefined): string {
  const field = issue?.path.map(String).join(".");
  const subject = field ? `"${field}"` : "it";
  switch (issue?.code) {
    case "unrecognized_keys":
      return `unknown key ${issue.keys.map((key) => JSON.stringify(key.slice(0, 60))).join(", ")}; known are ${Object.keys(configSchema.shape).join(", ")}`;
    case "invalid_value":
      return `${subject} must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
    case "too_small":
      return `${subject} must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "custom":
      return `${subject}: ${issue.message}`;
    case "invalid_type":
      return `${subject} must be ${EXPECTED[issue.expected] ?? issue.expected}`;
    default:
      return `${subject}: ${issue?.message ?? "invalid"}`;
  }
}

const EXPECTED: Record<string, string> = {
  array: "a list of texts",
  boolean: "true or false",
  number: "a number",
  object: "an object",
  record: "an object of texts",
  string: "a text",
};

function invalid(problem: string, cause: unknown): HandrailError {
  return new HandrailError("invalid-config", `${CONFIG_FILE} is not valid: ${problem}`, {
    fix: `mend or remove ${CONFIG_FILE}; nothing is written until then`,
    cause,
  });
}
