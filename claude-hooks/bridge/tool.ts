import type { ToolAnnotations } from "@modelcontextprotocol/sdk/types.js";
import type * as z from "zod";
import { HandrailError } from "../../shared/errors.ts";
import type { Bridge } from "./bridge.ts";

/** What a call gives a tool besides its input. */
export interface CallContext {
  bridge: Bridge;
  /** Aborted when the client cancels the call, or goes away. */
  signal: AbortSignal;
  /** One line on what takes time; heard only by a client that asked for progress. */
  say: (text: string) => void;
}

/** One of the bridge's tools. Nothing of its input is used before `input` has read it. */
export interface Tool<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  name: `opencode_${string}`;
  title: string;
  description: string;
  input: I;
  output: O;
  annotations: Required<
    Pick<ToolAnnotations, "readOnlyHint" | "destructiveHint" | "idempotentHint" | "openWorldHint">
  >;
  /** @throws HandrailError, which becomes the tool's error */
  run(input: z.output<I>, context: CallContext): z.input<O> | Promise<z.input<O>>;
}

/** A tool that any other may stand beside in a list. */
export interface AnyTool extends Omit<Tool, "run"> {
  /** @param input as it came; read by the tool's own schema */
  call(input: unknown, context: CallContext): Promise<Record<string, unknown>>;
}

/** Reads only what is on this machine. */
export const LOOKS = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
} as const;

/** Changes Handrail's own records, and nothing of the user's. */
export const RECORDS = { ...LOOKS, readOnlyHint: false } as const;

/** Ends what works. */
export const ENDS = { ...RECORDS, destructiveHint: true } as const;

/** Has OpenCode work: files change, a model is called. */
export const WORKS = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
} as const;

/** Makes a tool callable: its schemas stand on both sides of it. */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): AnyTool {
  const { run, ...rest } = tool;
  return {
    ...rest,
    // What a tool does not declare does not leave it.
    call: async (input, context) => tool.output.parse(await run(readInput(tool, input), context)),
  };
}

function readInput<I extends z.ZodObject>({ name, input }: { name: string; input: I }, given: unknown) {
  const parsed = input.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  throw new HandrailError("bad-input", `${name}: ${problems.slice(0, 5).join("; ")}`, {
    fix: `it takes ${Object.keys(input.shape).join(", ") || "nothing"}`,
  });
}
