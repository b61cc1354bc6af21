/**
 * A small MCP server on stdio: a tool that reads, one that writes the file it is told, and one that writes
 * several. Paths start where it was started. Bundled and run by tests, never by Handrail.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import * as z from "zod";

const server = new McpServer({ name: "lab", version: "1.0.0" });
const answer = (text: string) => ({ content: [{ type: "text" as const, text }] });

function save(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "written by the MCP server\n");
}

server.registerTool(
  "read_file",
  { description: "Reads", inputSchema: { path: z.string() } },
  async ({ path }) => answer(readFileSync(path, "utf8")),
);
server.registerTool(
  "save_file",
  { description: "Writes", inputSchema: { path: z.string() } },
  async ({ path }) => {
    save(path);
    return answer(`saved ${path}`);
  },
);
server.registerTool(
  "save_files",
  { description: "Writes several", inputSchema: { paths: z.array(z.string()) } },
  async ({ paths }) => {
    for (const path of paths) save(path);
    return answer(`saved ${paths.join(" ")}`);
  },
);
server.registerTool(
  "sync_all",
  { description: "Nobody knows what it writes", inputSchema: { path: z.string() } },
  async ({ path }) => {
    save(path);
    return answer("synced");
  },
);

await server.connect(new StdioServerTransport());
