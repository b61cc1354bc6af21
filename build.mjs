/**
 * Builds what runs inside the hosts. Everything is bundled: OpenCode's Bun replaces some bare
 * imports with shims of its own, and an installed Claude Code plugin may be copied alone.
 *
 *   node build.mjs          the package: OpenCode plugin, Claude Code plugin, `handrail`
 *   node build.mjs demo     also .build/demo.mjs  (likewise: bench)
 */
import { cpSync, readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const extra = process.argv.slice(2);
const node = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  logLevel: "warning",
  // jsonc-parser: its "main" is UMD, which cannot be bundled.
  mainFields: ["module", "main"],
  // Kill points are for tests alone (shared/fault.ts); what is never reached is left out.
  minifySyntax: true,
  define: { __HANDRAIL_FAULTS__: "false" },
};
// CommonJS dependencies call require() for Node's own modules.
const banner = {
  js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
};

rmSync("opencode-plugin/dist", { recursive: true, force: true });
rmSync("claude-hooks/dist", { recursive: true, force: true });

const hooks = readdirSync("claude-hooks/hooks").filter((name) => name.endsWith(".ts"));
await Promise.all([
  build({
    ...node,
    banner,
    entryPoints: ["opencode-plugin/index.ts"],
    outfile: "opencode-plugin/dist/index.js",
  }),
  // The detached deliverer of callbacks, which has to lie wherever the plugin is copied to.
  build({
    ...node,
    banner,
    minify: true,
    entryPoints: ["shared/callback/flush-main.ts"],
    outfile: "opencode-plugin/dist/flush.mjs",
  }),
  build({
    ...node,
    banner,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    entryPoints: { handrail: "claude-hooks/companion/main.ts" },
    outdir: "claude-hooks/dist",
    outExtension: { ".js": ".mjs" },
  }),
  // CommonJS: Node starts it some milliseconds sooner than a module.
  ...hooks.map((name) =>
    build({
      ...node,
      format: "cjs",
      minify: true,
      entryPoints: [`claude-hooks/hooks/${name}`],
      outfile: `claude-hooks/dist/hooks/${name.replace(/\.ts$/, ".cjs")}`,
    }),
  ),
  // What a run's shell starts to have a command's changes applied; CommonJS, like the hooks.
  build({
    ...node,
    format: "cjs",
    minify: true,
    entryPoints: ["shared/confine/shell-main.ts"],
    outfile: "opencode-plugin/dist/shell.cjs",
  }),
  ...extra.map((name) =>
    build({ ...node, banner, entryPoints: [`test/lab/${name}.ts`], outfile: `.build/${name}.mjs` }),
  ),
]);
// The Claude Code plugin carries the OpenCode plugin, so that `handrail init` works from a copy of it.
cpSync("opencode-plugin/dist", "claude-hooks/dist/opencode-plugin", { recursive: true });
