import { type Item, itemsOf } from "./text/items.ts";
import type { Section } from "./text/sections.ts";

const runners = new Set(
  `npm npx pnpm pnpx yarn bun bunx node deno tsc tsx vitest jest mocha ava playwright cypress eslint biome prettier python
  python3 pytest tox nox poetry uv uvx pdm pip pip3 ruff mypy flake8 black pylint pyright unittest coverage cargo rustc rustfmt
  clippy go gofmt golangci-lint staticcheck make gmake cmake ctest ninja meson just task bazel bazelisk buck2 mvn mvnw gradle
  gradlew ./gradlew ./mvnw ant sbt lein clj java javac kotlinc dotnet msbuild nunit xunit ruby rake rspec bundle rubocop rails
  php phpunit composer artisan phpstan psalm pest swift xcodebuild xcrun swiftlint fastlane flutter dart mix elixir rebar3 ghc
  stack cabal zig nim ocaml dune opam julia Rscript perl prove lua busted sh bash zsh docker docker-compose podman kubectl helm
  terraform tofu ansible-playbook git grep rg test curl wget psql sqlite3 redis-cli turbo nx lerna rush moon wireit pre-commit
  shellcheck shfmt hadolint yamllint markdownlint actionlint act ls cat diff env time timeout cd export set source xvfb-run
  ng vue-tsc svelte-check astro next vite rollup webpack esbuild tsup knip stylelint buf protoc sqlfluff bats tap hyperfine
  handrail opencode nix hatch invoke inv fab django-admin manage.py earthly dagger storybook lint-staged oxlint tslint c8 nyc`.split(
    /\s+/,
  ),
);
/** Runners that are ordinary words too: a command only with an argument that prose would not have. */
const ambiguous =
  /^(make|go|test|task|just|time|set|act|tap|export|source|next|stack|black|coverage|diff|ls|cat|cd|env|invoke|moon|rush|dart|swift|fab|ant|java|ruby|node|python|composer|bundle|rake|swift|ruff|git|timeout|hatch|rails|pest|act|stack|mix|prove|perl|lua)$/;
const subcommands =
  /^(test|tests|build|check|lint|vet|run|fmt|verify|all|ci|clean|install|format|typecheck|coverage|bench|doc|tidy|e2e|unit|integration|-\S+|\.\S*|\S*[./:]\S*|\S*-\S*|status|diff|log|show|mod|generate|exec|analyze|compile|package|manage\.py|artisan|spec|credo|dialyzer|release|validate)$/;

/** The commands that a task names to check the work, in the order they stand. */
export function readValidation(sections: readonly Section[]): string[] {
  const commands: string[] = [];
  for (const section of sections) {
    if (section.kind === "forbid" || section.kind === "files" || section.kind === "inspect") continue;
    const isTests = section.kind === "tests";
    for (const item of itemsOf(section)) commands.push(...commandsOf(item, isTests));
  }
  return [...new Set(commands)];
}

function commandsOf(item: Item, isTests: boolean): string[] {
  const text = item.text.trim();
  if (item.fence !== undefined) {
    const isShell =
      /^(|sh|bash|shell|console|zsh|text|txt|shell-session|terminal|powershell|cmd|bat|fish)$/.test(
        item.fence,
      );
    if (!isTests || !isShell) return [];
    const line = text.replace(/^[$>%]\s+/, "");
    return line === "" ||
      line.startsWith("#") ||
      (!startsWithRunner(line) && item.fence === "" && / /.test(line) && !/^[./$\w-]+ /.test(line))
      ? []
      : [cutComment(line)];
  }
  if (/^[*_]*(do not|don['’]?t|never|avoid|no)\b/i.test(text)) return [];
  const asked =
    /^(then |also |finally |please |first |and )*(run|execute|verify with|verify using|check with|validate with|test with|verify by running|verify that|make sure|ensure( that)?|confirm( that)?)\b/i.test(
      text,
    );
  const spans = codeSpans(text);
  const withoutSpans = text.replace(/`[^`]*`/g, "`");
  if (spans.length > 0) {
    if (!isTests && !asked && !/\b(run|execute)\b[^.`]{0,40}`/i.test(withoutSpans)) return [];
    const alone = text.replace(/`[^`]*`/g, "").replace(/[^A-Za-z]/g, "") === "";
    return spans
      .filter(
        (span) =>
          startsWithRunner(span) ||
          (isTests && alone && /^[\w./-]+(\s|$)/.test(span) && (/\s/.test(span) || span.startsWith("./"))),
      )
      .map((span) => span.replace(/^\$\s+/, ""));
  }
  if (!isTests && !asked) return [];
  const bare = text
    .replace(
      /^(then |also |finally |please |first |and )*(run|execute|verify with|verify using|check with|validate with|test with|verify by running)\s*:?\s+/i,
      "",
    )
    .replace(/^[A-Za-z][\w ]{0,24}:\s+/, "")
    .replace(/^[$>%]\s+/, "");
  return startsWithRunner(bare) ? splitProse(bare) : [];
}

function codeSpans(text: string): string[] {
  const parts = text.split(/`+/);
  return parts
    .filter((part, index) => index % 2 === 1 && index < parts.length - 1 && part.trim() !== "")
    .map((part) => part.trim());
}

/** Whether a text begins like a command: a known program, a script of the repository, a variable set before. */
function startsWithRunner(text: string): boolean {
  const words = text.replace(/^\$\s+/, "").split(/\s+/, 8);
  let at = 0;
  while (/^[A-Z_][A-Z0-9_]*=\S*$/.test(words[at] ?? "")) at++;
  const name = words[at] ?? "";
  const next = (words[at + 1] ?? "").replace(/[.,;:]$/, "");
  if (
    /^\.{0,2}\/?[\w./-]+\.(sh|bash|py|js|mjs|ts|rb|pl|php|ps1)$/.test(name) &&
    (name.startsWith("./") || name.startsWith("../") || at > 0 || name.includes("/")) &&
    (words.length > 1 || name.startsWith("./") || name.endsWith(".sh"))
  )
    return !/^(and|or|is|should|must|covers?|has|in|to|for)$/.test(next);
  if (/^\.{1,2}\/[\w./-]+$/.test(name)) return true;
  if (/^(vendor|node_modules|bin|script|scripts|\.venv|venv)\/[\w./-]+$/.test(name))
    return !/\.\w{1,4}$/.test(name) || words.length > 1;
  if (!runners.has(name)) return false;
  return ambiguous.test(name)
    ? subcommands.test(next) ||
        (next !== "" && /[=/&|]/.test(text)) ||
        (name === "make" && /^[a-z][\w-]*$/.test(next) && words.length === at + 2)
    : !/^(is|are|should|must|has|passes|tests? (pass|are))$/.test(next);
}

/** "npm test and npm run lint", "cargo test passes.": the commands alone. */
function splitProse(text: string): string[] {
  const commands: string[] = [];
  for (const part of text.split(/\s*(?:,|;|\band\b(?! -)|\bthen\b)\s+(?=[a-z./])/)) {
    if (commands.length > 0 && !startsWithRunner(part)) {
      if (/[,;]/.test(text)) continue;
      break;
    }
    commands.push(cutComment(part));
  }
  return commands;
}

function cutComment(text: string): string {
  return text
    .replace(/\s+(#|—|–)\s.*$/, "")
    .replace(/\s+-\s+(?=[a-z]).*$/i, "")
    .replace(/\s+\((?=[a-z])[^()]*\)\s*\.?$/i, "")
    .replace(
      /\s+(still |all )?(passes|pass|must pass|should pass|must be green|is green|are green|succeeds|must succeed|should succeed|must stay green|stays green|exits (with )?0|must exit 0|runs clean|is clean|works|to (verify|check|confirm|make sure)|in the (root|repo)|from the (root|repo)|before (finishing|you))\b.*$/i,
      "",
    )
    .replace(/([\w"')\]])[.;]$/, "$1")
    .trim();
}
