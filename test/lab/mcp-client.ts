import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

/** What a tool answered: its structured content, or its error. */
export interface ToolAnswer {
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into
  value: any;
  error: { code: string; message: string; fix?: string } | undefined;
}

export interface McpClient {
  client: Client;
  pid: number;
  call(name: string, args?: Record<string, unknown>): Promise<ToolAnswer>;
  /** What the server has said besides the protocol. */
  stderr(): string;
  close(): Promise<void>;
}

/** The SDK's own client on a server that it starts. @param command the program and its arguments */
export async function connectMcp(command: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<McpClient> {
  const [program = "", ...args] = command;
  const defined = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  const transport = new StdioClientTransport({
    command: program,
    args,
    cwd,
    env: Object.fromEntries(defined),
    stderr: "pipe",
  });
  let stderr = "";
  transport.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const client = new Client({ name: "lab", version: "1" });
  await client.connect(transport);
  // The client checks structured content by the output schemas it has listed.
  await client.listTools();
  return {
    client,
    pid: transport.pid ?? 0,
    async call(name, input = {}) {
      const result = await client.callTool({ name, arguments: input }, undefined, {
        timeout: 240_000,
        resetTimeoutOnProgress: true,
        onprogress: () => undefined,
      });
      const [content] = Array.isArray(result.content) ? result.content : [];
      const text = content?.type === "text" ? content.text : "";
      if (result.isError) return { value: undefined, error: JSON.parse(text).error };
      // Clients that know no structured content read the same as text.
      const told = JSON.stringify(result.structuredContent);
      if (text !== told) throw new Error(`text and structured content differ:\n${text}\n${told}`);
      return { value: result.structuredContent, error: undefined };
    },
    stderr: () => stderr,
    close: () => client.close(),
  };
}
