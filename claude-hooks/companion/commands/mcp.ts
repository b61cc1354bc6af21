import type { Command } from "commander";
import { runBridge } from "../../bridge/server.ts";

/** `handrail mcp`: the bridge's tools on stdin and stdout, for MCP clients. */
export function configure(command: Command): void {
  command
    .addHelpText(
      "after",
      "\nExample:\n  claude mcp add handrail -- handrail mcp\n\nIt speaks the Model Context Protocol on stdin and stdout, and ends with its client.",
    )
    .action(async () => {
      await runBridge(process.env, process.cwd());
      // Connections to OpenCode's server may be open still; nobody waits for them.
      process.exit();
    });
}
