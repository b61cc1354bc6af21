import * as z from "zod/mini";
import type { Packet } from "./packet-schema.ts";

/** What an agent of the matrix may do. */
export const roleSchema = z.strictObject({
  /** Whether it may own coding tasks; `limited`: said, but allowed. */
  owns: z.enum(["yes", "limited", "no"]),
  about: z._default(z.string(), ""),
  /** To whom it may hand work over. */
  handsTo: z._default(z.array(z.string()), []),
  /** The only files it may be handed; absent: any. A name without a slash: at any depth. */
  files: z.optional(z.array(z.string())),
});
export type Role = z.infer<typeof roleSchema>;
export type Roles = Readonly<Record<string, Role>>;

const UI = ["ui/", "components/", "pages/", "views/", "styles/", "assets/", "public/", "static/", "content/"];
const UI_FILES = ["*.css", "*.scss", "*.less", "*.html", "*.svg", "*.png", "*.jpg", "*.webp", "*.woff2"];
const UI_SOURCES = ["*.tsx", "*.jsx", "*.vue", "*.svelte", "*.astro", "*.md", "*.mdx", "locales/", "i18n/"];

/** The multi-agent matrix and the handoff rules of the requirements (opencode-orchestration), as data. */
export const DEFAULT_ROLES: Roles = {
  scrum: {
    owns: "limited",
    about: "outer governance: owns planning, tracking and handoff",
    handsTo: ["fullstack"],
  },
  fullstack: {
    owns: "yes",
    about: "main coding executor",
    handsTo: ["assistant", "creator"],
  },
  assistant: {
    owns: "yes",
    about: "small fixes, glue code, verification",
    handsTo: ["scrum"],
  },
  creator: {
    owns: "yes",
    about: "UI copy, layout and assets",
    handsTo: ["scrum"],
    files: [...UI, ...UI_FILES, ...UI_SOURCES],
  },
};

/** @param configured `roles` of the configuration: replaces the agents it names, adds others */
export function rolesWith(configured: Roles): Roles {
  return { ...DEFAULT_ROLES, ...configured };
}

/** What the matrix has to say of a packet's owner. */
export function ownerProblem(
  owner: string,
  roles: Roles,
): { kind: "error" | "warning"; message: string } | undefined {
  const role = Object.hasOwn(roles, owner) ? roles[owner] : undefined;
  const known = Object.keys(roles).join(", ");
  if (!role)
    return { kind: "error", message: `owner_agent "${owner}" is not in the agent matrix (${known})` };
  if (role.owns === "no") return { kind: "error", message: `${owner} may not own a coding task` };
  if (role.owns === "limited") {
    return {
      kind: "warning",
      message: `${owner} owns coding tasks only to a limited extent (${role.about})`,
    };
  }
  return undefined;
}

/**
 * Why one agent may not hand work to another.
 * @param paths what is handed over
 * @param covers whether a pattern of a role covers a path
 */
export function handoffProblem(
  from: string,
  to: string,
  paths: readonly string[],
  roles: Roles,
  covers: (pattern: string, path: string) => boolean,
): string | undefined {
  if (from === to) return undefined;
  const giver = Object.hasOwn(roles, from) ? roles[from] : undefined;
  const receiver = Object.hasOwn(roles, to) ? roles[to] : undefined;
  // Task files have no agents; whoever hands those over is a person.
  if (!giver || !receiver) return undefined;
  if (!giver.handsTo.includes(to)) {
    const allowed = giver.handsTo.length > 0 ? `only to ${giver.handsTo.join(", ")}` : "to nobody";
    return `${from} hands work over ${allowed}, not to ${to}`;
  }
  const { files } = receiver;
  const outside = files && paths.find((path) => !files.some((pattern) => covers(pattern, path)));
  return outside === undefined ? undefined : `"${outside}" is not ${to}'s: ${receiver.about}`;
}

/** What changed in the acceptance criteria between two versions of a packet; only governance may do that. */
export function acceptanceChanged(
  before: Pick<Packet, "acceptance">,
  after: Pick<Packet, "acceptance">,
): string | undefined {
  const [old, now] = [before.acceptance ?? [], after.acceptance ?? []];
  const gone = old.filter((one) => !now.includes(one));
  const added = now.filter((one) => !old.includes(one));
  if (gone.length === 0 && added.length === 0) return undefined;
  const parts = [
    ...(gone.length > 0 ? [`gone: ${gone.map((one) => JSON.stringify(one.slice(0, 80))).join(", ")}`] : []),
    ...(added.length > 0 ? [`new: ${added.map((one) => JSON.stringify(one.slice(0, 80))).join(", ")}`] : []),
  ];
  return `the acceptance criteria have changed (${parts.join("; ")})`;
}
