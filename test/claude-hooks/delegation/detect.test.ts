import { describe, expect, test } from "vitest";
import { detectDelegation } from "../../../claude-hooks/delegation/detect.ts";

const delegations: [command: string, verb: string][] = [
  ['opencode run "do it"', "run"],
  ['TASK=$(cat "opencode_tasks/20261121-x.txt") && opencode run "$TASK"', "run"],
  ['FOO=1 BAR="a b" opencode run x', "run"],
  ["cd packages/web && opencode run x", "run"],
  ["env X=1 opencode run x", "run"],
  ["env -u FOO X=1 opencode run x", "run"],
  ["env -S 'opencode run x'", "run"],
  ["timeout 5 opencode run x", "run"],
  ["timeout -k 5 600 opencode run x", "run"],
  ["nohup opencode run x > out.log 2>&1 &", "run"],
  ["nice -n 10 opencode run x", "run"],
  ["time opencode run x", "run"],
  ["command opencode run x", "run"],
  ["exec opencode run x", "run"],
  ["npx opencode-ai run x", "run"],
  ["npx -y opencode-ai@latest run x", "run"],
  ["npx --package=opencode-ai opencode run x", "run"],
  ["npx -p opencode-ai -c 'opencode run x'", "run"],
  ["npm exec -- opencode-ai run x", "run"],
  ["pnpm dlx opencode-ai run x", "run"],
  ["yarn dlx opencode-ai run x", "run"],
  ["bunx opencode-ai run x", "run"],
  ["bun x opencode-ai run x", "run"],
  ["./node_modules/.bin/opencode run x", "run"],
  ["~/.opencode/bin/opencode run x", "run"],
  ["/usr/local/bin/opencode --print-logs run x", "run"],
  ["opencode --log-level DEBUG run x", "run"],
  ["bash -c 'opencode run x'", "run"],
  ["bash -lc 'cd a && opencode run x'", "run"],
  ["sh -c \"timeout 5 opencode run 'x y'\"", "run"],
  ["timeout 60 bash -c 'opencode run x'", "run"],
  ["bash -c 'bash -c \"opencode run x\"'", "run"],
  ["bash -c '\"$@\"' _ opencode run x", "run"],
  ["bash <<'EOF'\nopencode run x\nEOF", "run"],
  ["bash <<< 'opencode run x'", "run"],
  ["echo 'opencode run x' | sh", "run"],
  ["printf 'cd a\\nopencode run x\\n' | bash -s", "run"],
  ["eval 'opencode run x'", "run"],
  ["OUT=$(opencode run x)", "run"],
  ["echo `opencode run x`", "run"],
  ["diff <(opencode run x) out.txt", "run"],
  ["for t in a b; do opencode run $t & done; wait", "run"],
  ["while ! opencode run x; do sleep 1; done", "run"],
  ["if true; then opencode run x; fi", "run"],
  ["[[ -f a ]] && { opencode run x; }", "run"],
  ["(opencode run x)", "run"],
  ["! opencode run x", "run"],
  ["cat opencode_tasks/x.txt | opencode run", "run"],
  ["opencode run < opencode_tasks/x.txt", "run"],
  ["opencode run <<'EOF'\nadd a test\nEOF", "run"],
  ["cat a | xargs -I{} opencode run {}", "run"],
  ["find . -name '*.txt' -exec opencode run {} \\;", "run"],
  ["OC=opencode; $OC run x", "run"],
  ["OC=$(which opencode); $OC run x", "run"],
  ['CMD="opencode run"; $CMD x', "run"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: bash
  ['A=(opencode run x); "${A[@]}"', "run"],
  ["$(command -v opencode) run x", "run"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: bash
  ["${OC:-opencode} run x", "run"],
  ['go() { opencode "$@"; }; go run x', "unknown"],
  ['open"co"de run x # opencode', "run"],
  ["\\opencode run x", "run"],
  ["'opencode' run x", "run"],
  ["opencode $VERB x", "unknown"],
  ["opencode serve --port 0", "serve"],
  ["opencode web", "web"],
  ["opencode acp", "acp"],
  ["opencode github run", "github"],
  ["opencode pr 12", "pr"],
  ["opencode agent create", "agent"],
  ["opencode", "tui"],
  ["opencode .", "tui"],
  ['opencode --prompt "do it"', "tui"],
  ["python3 -c \"import subprocess; subprocess.run(['opencode','run','x'])\"", "unknown"],
  ["node -e \"require('child_process').execSync('opencode run x')\"", "unknown"],
  ["python3 - <<'EOF'\nimport os\nos.system('opencode run x')\nEOF", "unknown"],
  ["opencode models; opencode run x", "run"],
  ['opencode run "unterminated', "run"],
  ["if opencode run x; then", "run"],
];

describe("delegations", () => {
  test.each(delegations)("%s", (command, verb) => {
    expect(detectDelegation(command)?.verbs).toContain(verb);
    expect(detectDelegation(command)?.problems).toEqual([]);
  });
});

const others = [
  "echo opencode",
  "echo 'opencode run x'",
  "echo opencode run x",
  "grep -rn opencode src",
  "grep 'opencode run' README.md",
  "rg opencode | head",
  "git commit -m 'Use opencode run in the docs'",
  "which opencode",
  "command -v opencode && echo yes",
  "type opencode",
  "opencode --version",
  "opencode -v",
  "opencode --help",
  "opencode run --help",
  "opencode models",
  "opencode models anthropic",
  "opencode auth list",
  "opencode providers list",
  "opencode session list",
  "opencode stats",
  "opencode export ses_1",
  "opencode upgrade",
  "opencode mcp list",
  "opencode agent list",
  "opencode debug config",
  "opencode github install",
  "opencode completion",
  "npx opencode-ai --version",
  "npx -y opencode-ai models",
  "npm install -g opencode-ai",
  "npm view opencode-ai version",
  "brew install opencode",
  "cat opencode_tasks/20261121-x.txt",
  "mkdir -p opencode_tasks && ls opencode_tasks",
  "cat > opencode_tasks/x.txt <<'EOF'\nrun opencode run later\nEOF",
  "cat opencode.json",
  "ls ~/.config/opencode/opencode.json",
  "cd ~/src/opencode && git status",
  "cd opencode && npm run build",
  "pgrep -f opencode",
  "ps aux | grep opencode",
  "timeout 5 grep opencode notes.txt",
  "find . -name opencode -print",
  "xargs grep opencode < files",
  "env | grep -i opencode",
  "OPENCODE_X=opencode env",
  "curl https://opencode.ai/docs",
  "sed -i s/opencode/other/ README.md",
  "# opencode run x",
  "node scripts/opencode-report.js run",
];

describe("what is no delegation", () => {
  test.each(others)("%s", (command) => {
    expect(detectDelegation(command)).toBeUndefined();
  });
});

describe("delegations that nothing could hold", () => {
  test.each([
    ["env -i opencode run x", "drops-environment"],
    ["env -i PATH=$PATH opencode run x", "drops-environment"],
    ["env -u OPENCODE_CONFIG_CONTENT opencode run x", "drops-environment"],
    ["env --unset=OPENCODE_CONFIG_CONTENT opencode run x", "drops-environment"],
    ["unset OPENCODE_CONFIG_CONTENT; opencode run x", "drops-environment"],
    ["OPENCODE_CONFIG_CONTENT='{}' opencode run x", "sets-config"],
    ["env OPENCODE_CONFIG_CONTENT={} opencode run x", "sets-config"],
    ["export OPENCODE_CONFIG_CONTENT={}; opencode run x", "sets-config"],
    ["OPENCODE_CONFIG_CONTENT={}; opencode run x", "sets-config"],
    ["OPENCODE_PURE=1 opencode run x", "sets-config"],
    ["opencode --pure run x", "pure"],
    ["opencode run --pure x", "pure"],
    ["opencode run --attach http://localhost:4096 x", "attach"],
    ["opencode attach http://localhost:4096", "attach"],
    ["sudo opencode run x", "leaves-environment"],
    ["sudo -u bob env A=1 opencode run x", "leaves-environment"],
    ["su bob -c 'opencode run x'", "leaves-environment"],
    ["docker run -v $PWD:/w img opencode run x", "leaves-environment"],
    ["docker exec c sh -c 'opencode run x'", "leaves-environment"],
    ["tmux new-session -d 'opencode run x'", "leaves-environment"],
  ])("%s", (command, problem) => {
    expect(detectDelegation(command)?.problems).toEqual([problem]);
  });

  test("the same words around something else are none", () => {
    expect(detectDelegation("env -i opencode --version")).toBeUndefined();
    expect(detectDelegation("sudo npm install -g opencode-ai")).toBeUndefined();
    expect(detectDelegation("OPENCODE_CONFIG_CONTENT='{}' opencode models")).toBeUndefined();
    expect(detectDelegation("docker build -t opencode .")).toBeUndefined();
  });
});

test("the place is the one the command goes to, where that can be told", () => {
  const placeOf = (command: string) => detectDelegation(command)?.place;
  expect(placeOf("opencode run x")).toBeUndefined();
  expect(placeOf("cd a/b && opencode run x")).toEqual({ directory: "a/b" });
  expect(placeOf("cd ~/a && opencode run x")).toEqual({ directory: "~/a" });
  expect(placeOf("opencode run --dir /srv/p x")).toEqual({ directory: "/srv/p" });
  expect(placeOf("cd a; opencode run --dir=b x")).toEqual({ directory: "b" });
  expect(placeOf('D=/srv/p; cd "$D" && opencode run x')).toEqual({ directory: "/srv/p" });
  for (const unknown of ['cd "$X"', "cd", "cd -", "cd ~bob", "cd $(mktemp -d)"]) {
    expect(placeOf(`${unknown} && opencode run x`)).toBe("unknown");
  }
});

test("a command too large, or nested too deep, counts as a delegation", () => {
  expect(detectDelegation(`echo opencode ${"x".repeat(300_000)}`)?.verbs).toEqual(["unknown"]);
  const nested = Array.from({ length: 12 }).reduce<string>((inner) => `eval ${inner}`, "opencode run x");
  expect(detectDelegation(nested)?.verbs).toBeDefined();
});
