import type { Token } from "./tokens.ts";

/** What lies at a path relative to the root, as far as it is known. */
export type KindOf = (relPath: string) => "file" | "directory" | undefined;

const set = (list: string) => new Set(list.trim().split(/\s+/));

const extensions =
  set(`ts tsx mts cts js jsx mjs cjs py pyi pyx ipynb go rs java kt kts scala groovy clj cljs ex exs erl hrl hs
  elm ml mli fs fsx fsi vb cs csproj fsproj vbproj sln c h cc cpp cxx hpp hh hxx m mm swift rb erb rake gemspec php phtml twig
  blade pl pm lua r jl dart nim zig v sv vhd asm s f90 pas sh bash zsh fish ps1 psm1 bat cmd md mdx markdown rst txt adoc tex
  org json json5 jsonc jsonl ndjson yaml yml toml ini cfg conf config properties env xml xsd xsl xslt html htm xhtml css scss
  sass less styl vue svelte astro hbs ejs pug njk liquid j2 jinja tmpl tpl mustache sql psql prisma graphql gql proto thrift
  avsc tf tfvars hcl bicep gradle cmake mk mak ninja bazel bzl lock sum mod work csv tsv log svg png jpg jpeg gif webp ico pdf
  wasm snap feature bats spec patch diff service timer desktop plist pbxproj storyboard xib entitlements strings po pot resx
  d rules crt pem key pub example sample template dist lst map sol move cairo vy rego nix dhall jsonnet libsonnet cue http
  rest editorconfig dockerfile makefile bak orig tmp db sqlite gz zip tar t in ac am el lisp scm rkt coffee`);
/** Files without an ending, in any case. */
const bareNames =
  set(`makefile dockerfile containerfile jenkinsfile procfile gemfile rakefile vagrantfile brewfile justfile
  cmakelists.txt caddyfile podfile fastfile guardfile pipfile gnumakefile taskfile earthfile tiltfile codeowners
  node_modules __init__.py __tests__ __mocks__`);
/** Words that name a file only in capitals. */
const capitalNames = set(
  "README CHANGELOG LICENSE LICENCE COPYING NOTICE AUTHORS CONTRIBUTORS CONTRIBUTING VERSION BUILD WORKSPACE",
);
const technologies =
  /^(node|vue|next|nuxt|react|express|three|d3|ember|backbone|alpine|chart|angular|socket|moment|day|discord|p5|video|bun|deno|require|ext|knockout|handlebars|mocha|asp|nest|solid|preact|gatsby|electron|phaser|pixi|ml|brain|tensorflow|passport|paper|popper|fuse|lit|hapi|koa|sails|meteor|stimulus|tone)\.(js|io|net|ts)$/i;
const objects =
  /^(console|logger|log|math|json|object|promise|process|window|document|this|self|os|sys|fs|path|array|string|number|req|res|ctx|app|math|datetime|time|re|np|pd|module|exports|props|state|event|e|err|error|db|http|https|url|crypto|util|react|vi|jest|expect)\.[a-z]\w*$/i;
const wordPairs =
  /^(and\/or|either\/or|he\/she|his\/her|s\/he|w\/o|w\/|n\/a|i\/o|input\/output|read\/write|write\/read|client\/server|server\/client|ci\/cd|tcp\/ip|on\/off|yes\/no|true\/false|pass\/fail|start\/stop|request\/response|get\/set|key\/value|frontend\/backend|backend\/frontend|open\/close|before\/after|push\/pull|stage\/commit|commit\/push|add\/remove|success\/failure|24\/7|a\/b|km\/h|\d+\/\d+|if\/else|try\/catch|async\/await|created?\/updated?|up\/down|left\/right|min\/max|in\/out|(stage|commit|push|create|add|delete|remove|rename|move|edit|modify|change|update|install|read|open|write)s?(\/(stage|commit|push|create|add|delete|remove|rename|move|edit|modify|change|update|install|read|open|write)s?)+|tests?\/(validation|linting|types))$/i;
const usualRoots =
  set(`src lib app apps packages pkg cmd internal test tests spec specs docs doc scripts config configs public
  assets server client api web ui core crates modules examples tools infra deploy build dist vendor include source sources
  components pages routes services utils helpers types models controllers views migrations db database e2e __tests__ fixtures
  static templates styles bin etc opencode_tasks .github .git .vscode .husky .claude .opencode node_modules`);

/**
 * Where a word stands. `list`: at the beginning of a line of a list of files, where less is needed to be a
 * path; `prose`: in a sentence; `forbid`: in a prohibition, where `/health` is a path, too, and no route.
 */
export type Where = "list" | "prose" | "forbid";

/** The file, folder or glob that a word names, without what is no part of the name. */
export function pathOf(token: Token, where: Where, kindOf: KindOf): string | undefined {
  if (token.text.length > 1_000) return undefined;
  const text = cleanPath(token.text, kindOf);
  return isPath(text, token, where, kindOf) ? text : undefined;
}

function isPath(text: string, token: Token, where: Where, kindOf: KindOf): boolean {
  if (text === "" || !isWritable(text, token.code || where === "list")) return false;
  if (/^\.{1,2}$/.test(text)) return true;
  if (/^(e\.g|i\.e|etc|vs|cf|a\.k\.a)$/i.test(text)) return false;
  const exists = (name: string) =>
    kindOf(name.replace(/\\/g, "/").replace(/^\.\//, "").replace(/\/$/, "")) !== undefined;
  if (/[/\\]/.test(text)) return hasSlashOfPath(text, token, where, exists);
  if (text.includes("*"))
    return (
      (!/^\*+$/.test(text) || token.code || where === "list") &&
      /^[\w.*?{},[\]!@+-]+$/.test(text) &&
      /[\w*]\.[\w*{]|^\*+$|^\*\*?\.|\w\*$/.test(text)
    );
  if (/^\.[A-Za-z][\w.-]*$/.test(text)) return !/^\.(NET|Net)$/.test(text);
  if (capitalNames.has(text)) return true;
  if (bareNames.has(text.toLowerCase()))
    return where === "list" || token.code || /[A-Z._]/.test(text) || exists(text);
  const dot = text.lastIndexOf(".");
  if (dot <= 0) return (token.code || where === "list") && exists(text);
  const extension = text.slice(dot + 1).toLowerCase();
  if (!/^[a-z][a-z0-9]{0,11}$/.test(extension)) return exists(text);
  if (exists(text)) return true;
  if (technologies.test(text) || objects.test(text)) return false;
  return extensions.has(extension) || where === "list";
}

/** Characters that paths have and prose or code has not. */
function isWritable(text: string, spaced: boolean): boolean {
  if (/:\/\/|[<>"|;=^`]|^www\.|^mailto:|^[^@/\\]+@.+\.\w+$/.test(text)) return false;
  if (/^[-–—.,:;!?+&/\\]+$/.test(text)) return /^(\.{1,2}[/\\]?|[/\\]|\.[/\\]\.?)$/.test(text) && spaced;
  if (/\s/.test(text) && !(spaced && /^[^\s]+( [^\s]+)*$/.test(text))) return false;
  return !/\w\(.*\)$|^\d+(\.\d+)*$|^v\d+(\.\d+)*$|^\$|\(\)/.test(text) || /^[$]\{?\w+\}?[/\\]/.test(text);
}

function hasSlashOfPath(
  text: string,
  token: Token,
  where: Where,
  exists: (name: string) => boolean,
): boolean {
  if (wordPairs.test(text)) return false;
  if (/\s/.test(text) && !isSpacedPath(text) && !exists(text)) return false;
  // `/health` in a sentence is a route; as the name of a file it has an ending.
  if (/^[/\\]/.test(text) && where === "prose" && !/\.\w{1,8}$|.[/\\]$/.test(text)) return false;
  if (/^([.~]{0,2}|[A-Za-z]:)[/\\]/.test(text) || /^@[\w-]+[/\\]/.test(text))
    return text.length > 1 || where === "list" || token.code;
  if (/[/\\]$/.test(text) || text.includes("*")) return true;
  const segments = text.split(/[/\\]+/);
  const name = segments.at(-1) ?? "";
  if (where === "list" || token.code) return true;
  if (
    /\.[A-Za-z][A-Za-z0-9]{0,11}$/.test(name) ||
    /^\.[a-z]/i.test(name) ||
    bareNames.has(name.toLowerCase()) ||
    capitalNames.has(name)
  )
    return true;
  return (
    usualRoots.has(segments[0] ?? "") || segments.length > 2 || exists(segments[0] ?? "") || exists(text)
  );
}

/** `src/Tax Rules/x.cs`, not `GET /health` or `node scripts/x.mjs`. */
function isSpacedPath(text: string): boolean {
  const [first = "", ...rest] = text.split(/\s+/);
  const commands =
    /^(git|npm|npx|yarn|pnpm|bun|node|python3?|pytest|go|cargo|make|bash|sh|cd|cat|rm|mv|cp|ls|sed|grep|docker|curl|uv|poetry|php|ruby|java|dotnet|deno|vitest|jest|tsc|eslint|[A-Z]{3,7})$/;
  if (commands.test(first)) return false;
  const hasFolder = /[/\\]/.test(first) || rest.length > 0;
  return (
    hasFolder &&
    (/\.\w{1,10}$/.test(text) || /[/\\]$/.test(text)) &&
    !rest.some((word) => word.startsWith("-"))
  );
}

/** Takes off what is not part of the name: `@` of a mention, line numbers, a member of the file. */
function cleanPath(text: string, kindOf: KindOf): string {
  let path = text.replace(/\\ /g, " ").trim();
  const mention = /^@([\w.-]+)(?=[/\\.]|$)/.exec(path);
  if (mention && kindOf(mention[0]) === undefined && /[./\\]/.test(path)) path = path.slice(1);
  path = path.replace(/#L?\d+(-L?\d+)?$/i, "");
  const member = /^(.*\.\w{1,12}|.*[/\\]):{1,2}(?![/\\])[^/\\]*$/.exec(path);
  return member?.[1] ?? path;
}
