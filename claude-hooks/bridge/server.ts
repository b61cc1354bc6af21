import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { redactor } from "../../shared/callback/redact.ts";
import { printable } from "../../shared/text/printable.ts";
import { VERSION } from "../../shared/version.ts";
import { asKnown } from "../companion/output.ts";
import { type Bridge, makeBridge } from "./bridge.ts";
import type { AnyTool, CallContext } from "./tool.ts";
import { TOOLS } from "./tools.ts";

/** A request larger than this is none of ours, in bytes. */
const MAX_REQUEST = 4 * 1024 * 1024;
/** How long the calls under way may take to end when the client goes, in milliseconds. */
const LAST_CALLS_MS = 2000;

/** What every session of a client is told of the bridge, once. */
export const INSTRUCTIONS = `Hands coding tasks to OpenCode, held to a task file, in registered projects only. Write the task file or packet first; opencode_execute_task starts it and returns at once, and its report comes back to this session. Do not poll: look with opencode_run_status only when asked or when a report is late.`;

/** Runs the bridge on stdin and stdout until the client is gone, or somebody ends it. */
export async function runBridge(env: NodeJS.ProcessEnv, cwd: string): Promise<void> {
  const stop = new AbortController();
  const bridge = makeBridge(env, cwd, stop.signal);
  const calls = new Set<Promise<unknown>>();
  const server = makeServer(bridge, calls);
  const over = new Promise<void>((resolve) => {
    server.onclose = resolve;
    process.stdin.once("end", resolve).once("close", resolve);
    process.stdout.once("error", () => resolve());
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  // stdout is the protocol's: whatever a library prints goes elsewhere.
  console.log = console.error;
  console.info = console.error;
  console.debug = console.error;
  await server.connect(
    new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize: MAX_REQUEST }),
  );
  await over;
  stop.abort();
  await Promise.race([Promise.allSettled([...calls]), pause(LAST_CALLS_MS)]);
  await server.close();
}

/** The server with its tools, not yet connected. @param calls holds those under way */
export function makeServer(bridge: Bridge, calls: Set<Promise<unknown>> = new Set()): Server {
  const server = new Server(
    { name: "handrail", title: "Handrail", version: VERSION },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: TOOLS.map(listed) }));
  server.setRequestHandler(CallToolRequestSchema, (request, extra) => {
    const tool = TOOLS.find(({ name }) => name === request.params.name);
    if (!tool) throw new McpError(ErrorCode.InvalidParams, "there is no tool of that name");
    const token = request.params._meta?.progressToken;
    let progress = 0;
    const context: CallContext = {
      bridge,
      signal: AbortSignal.any([extra.signal, bridge.signal]),
      say: (message) => {
        if (token === undefined) return;
        progress += 1;
        const params = { progressToken: token, progress, message: printable(message, 200) };
        extra.sendNotification({ method: "notifications/progress", params }).catch(() => undefined);
      },
    };
    const call = answer(tool, request.params.arguments, context);
    calls.add(call);
    return call.finally(() => calls.delete(call));
  });
  return server;
}

function listed({ name, title, description, input, output, annotations }: AnyTool) {
  return {
    name,
    title,
    description,
    annotations: { title, ...annotations },
    inputSchema: objectSchema(input, "input"),
    outputSchema: objectSchema(output, "output"),
  };
}

function objectSchema(schema: z.ZodObject, io: "input" | "output"): { type: "object" } {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: "draft-7", unrepresentable: "any" });
  return { ...rest, type: "object" };
}

/** Calls a tool. @returns its answer, or its error in the form of `--json`: `{error: {code, message, fix?}}` */
async function answer(tool: AnyTool, input: unknown, context: CallContext): Promise<CallToolResult> {
  try {
    const structuredContent = await tool.call(input ?? {}, context);
    return { content: [{ type: "text", text: JSON.stringify(structuredContent) }], structuredContent };
  } catch (error) {
    const { code, message, fix } = asKnown(error);
    const clean = redactor(context.bridge.env);
    const shown = { code, message: printable(clean(message), 1000), ...(fix ? { fix: clean(fix) } : {}) };
    return { isError: true, content: [{ type: "text", text: JSON.stringify({ error: shown }) }] };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
