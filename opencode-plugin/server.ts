import type { Plugin } from "@opencode-ai/plugin";

export const server: Plugin = async () => ({});
