import * as z from "zod/mini";
import { frozenSchema } from "../scope/surroundings.ts";
import { scopeSchema } from "../task/spec.ts";

/**
 * How commands are held on this machine, best first. The overlays that bubblewrap makes itself are a little faster
 * where the disk is idle, but wait for it where it is not (`mount-table.ts`).
 */
export const MECHANISMS = ["bwrap-mount", "bwrap-overlay", "util-linux"] as const;
export const mechanismSchema = z.enum(MECHANISMS);
export type Mechanism = z.infer<typeof mechanismSchema>;

/** An overlay over `target`. */
const overlaySchema = z.object({
  target: z.string(),
  /** Folder with `upper` and `work`, relative to the work folder. */
  layer: z.string(),
});
export type OverlayMount = z.infer<typeof overlaySchema>;

/**
 * What a command of a run sees in place of the machine's own files, but for the root, which is read-only.
 * Mounted in this order: overlays and originals by depth, then shown, then hidden.
 */
export const viewSchema = z.object({
  overlays: z.array(overlaySchema),
  /** Folders below an overlay that stay what they are, read-only. */
  originals: z.array(z.string()),
  /** Private folders of the run, writable: what is shown, and where. */
  shown: z.array(z.object({ source: z.string(), target: z.string() })),
  /** Folders that look empty (but for Handrail's own hook). */
  hidden: z.array(z.string()),
  /** Sockets and named pipes of servers outside. */
  sockets: z.array(z.string()),
  /** What must not be read: each is replaced by something closed, if it is there. */
  unread: z.array(z.object({ path: z.string(), folder: z.boolean() })),
});
export type View = z.infer<typeof viewSchema>;

/** Who a command is: itself (a user), or root with the capabilities to work on other people's files. */
export const identitySchema = z.object({
  uid: z.number(),
  gid: z.number(),
  /** Real root without a user namespace. */
  privileged: z.boolean(),
});
export type Identity = z.infer<typeof identitySchema>;

const toolsSchema = z.object({
  ...{ unshare: z.string(), mount: z.string(), setpriv: z.string(), flock: z.string() },
  ...{ env: z.string(), find: z.string(), tar: z.string(), sh: z.string(), setsid: z.string() },
  ...{ cat: z.string(), cp: z.string(), rm: z.string(), sleep: z.string() },
  bash: z.optional(z.string()),
  ip: z.optional(z.string()),
  bwrap: z.optional(z.string()),
});
export type Tools = z.infer<typeof toolsSchema>;

/** `confine/policy.json`: everything that applying a layer needs, frozen when the run was prepared. */
export const policySchema = z.object({
  version: z.literal(1),
  runDir: z.string(),
  work: z.string(),
  lock: z.string(),
  /** Where pre-images are kept: the turn's own folder. */
  journal: z.string(),
  root: z.string(),
  gitDir: z.string(),
  commonDir: z.string(),
  home: z.optional(z.string()),
  scope: scopeSchema,
  /** What the names in the scope were when the run was made. */
  around: frozenSchema,
  scratch: z.array(z.string()),
  /** What of the tree Handrail itself runs; relative to the root. */
  own: z._default(z.array(z.string()), []),
  /** The leases of the working tree, and the run whose own they are not. */
  leases: z.optional(z.object({ dir: z.string(), owner: z.string() })),
  mechanism: mechanismSchema,
  objectFormat: z.enum(["sha1", "sha256"]),
  /** Runs `shell-main`: program and arguments, and variables it needs. */
  applier: z.object({ command: z.array(z.string()), environment: z.record(z.string(), z.string()) }),
  /** Programs by absolute path. */
  tools: toolsSchema,
});
export type Policy = z.infer<typeof policySchema>;
