import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { surroundingsOf } from "../../../shared/scope/surroundings.ts";
import { judgeShell } from "../../../shared/shell/judge.ts";
import type { Rule, Scope } from "../../../shared/task/spec.ts";
import { scopeOf } from "../scope/scope.ts";
import { makeTree } from "../scope/tree.ts";

const files = {
  "src/a.ts": "a",
  "src/b.ts": "b",
  "src/lib/x.ts": "x",
  "src/lib/y.ts": "y",
  "src/lib/secret.ts": "s",
  "src/lib/link-out.ts": { link: "../b.ts" },
  "src/lib/link-dir": { link: "../../docs" },
  "src/hard.ts": "h",
  "src/lib/hard.ts": { hard: "src/hard.ts" },
  "docs/guide.md": "g",
  "README.md": "r",
  "package.json": "{}",
  "nested/.git/HEAD": "ref: refs/heads/main",
} as const;
const caseScope: Partial<Scope> = {
  allow: ["src/a.ts", "src/lib/**"],
  forbid: ["src/lib/secret.ts", "package.json", ".env", ".github/**", "opencode_tasks/**"],
};

function judged(command: string, parts: Partial<Scope> = caseScope, cwd = ""): string {
  const { root, outside } = makeTree(files);
  const matcher = createMatcher(scopeOf(parts), surroundingsOf(root));
  const env = { HOME: "/usr", TMPDIR: outside, PATH: "/usr/bin:/bin" };
  const refusal = judgeShell(command, join(root, cwd), matcher, { root, env });
  return refusal ? `${refusal.rule ?? refusal.code} ${refusal.path ?? refusal.detail}` : "goes on";
}

describe("what is certain to write out of scope is refused", () => {
  test.each([
    // redirections
    ["echo x > src/b.ts", "out-of-scope src/b.ts"],
    ["echo x >> package.json", "forbidden package.json"],
    ["echo x >| .env", "forbidden .env"],
    ["ls &> out.log", "out-of-scope out.log"],
    ["ls 2> err.log", "out-of-scope err.log"],
    ["{ echo a; echo b; } > src/b.ts", "out-of-scope src/b.ts"],
    ["for i in 1 2; do echo $i; done > src/b.ts", "out-of-scope src/b.ts"],
    ["while read x; do :; done < src/a.ts > src/b.ts", "out-of-scope src/b.ts"],
    ["exec 3>> README.md", "out-of-scope README.md"],
    ["> src/b.ts", "out-of-scope src/b.ts"],
    ["echo x > $'src/\\x62.ts'", "out-of-scope src/b.ts"],
    ["echo x > src/b\\.ts", "out-of-scope src/b.ts"],
    ["echo x > 'src/'\"b\".ts", "out-of-scope src/b.ts"],
    ["echo x > src/lib/../b.ts", "out-of-scope src/b.ts"],
    ["echo x > .git/config", "git-dir .git/config"],
    ["echo x > /usr/x", "outside-repository /usr/x"],
    ["echo x > ~/.bashrc", "outside-repository /usr/.bashrc"],
    ["echo x > src/lib/link-out.ts", "link src/lib/link-out.ts"],
    ["echo x > src/lib/link-dir/guide.md", "link src/lib/link-dir/guide.md"],
    ["echo x >> src/lib/hard.ts", "link src/lib/hard.ts"],
    // here-documents and substitutions
    ["cat <<A > src/a.ts; cat <<B > src/b.ts\na\nA\nb\nB", "out-of-scope src/b.ts"],
    ["cat <<EOF\n$(echo pwn > src/b.ts)\nEOF", "out-of-scope src/b.ts"],
    ["bash <<'EOF'\nrm src/b.ts\nEOF", "out-of-scope src/b.ts"],
    ["bash <<< 'rm src/b.ts'", "out-of-scope src/b.ts"],
    ["echo 'rm src/b.ts' | sh", "out-of-scope src/b.ts"],
    ["echo $(rm src/b.ts)", "out-of-scope src/b.ts"],
    ["X=`rm src/b.ts`", "out-of-scope src/b.ts"],
    ["cat <(rm src/b.ts)", "out-of-scope src/b.ts"],
    ["ls > >(tee src/b.ts)", "out-of-scope src/b.ts"],
    ['case "$(rm src/b.ts)" in *) ;; esac', "out-of-scope src/b.ts"],
    // programs
    ["rm src/b.ts", "out-of-scope src/b.ts"],
    ["r''m -f -- src/b.ts", "out-of-scope src/b.ts"],
    ["/bin/rm src/b.ts", "out-of-scope src/b.ts"],
    ["\\rm src/b.ts", "out-of-scope src/b.ts"],
    ["rm -rf docs", "out-of-scope docs/guide.md"],
    ["rm -rf src", "out-of-scope src/b.ts|out-of-scope src/hard.ts|forbidden src/lib/secret.ts"],
    ["mv src/b.ts src/lib/b.ts", "out-of-scope src/b.ts"],
    ["mv src/a.ts .", "out-of-scope a.ts"],
    ["cp src/a.ts src/b.ts", "out-of-scope src/b.ts"],
    ["cp src/{a,b}.ts", "out-of-scope src/b.ts"],
    ["cp -t docs src/a.ts", "out-of-scope docs/a.ts"],
    ["cp -r src/lib docs/", "out-of-scope docs/lib"],
    ["install -m 755 src/a.ts src/b.ts", "out-of-scope src/b.ts"],
    ["install -d newdir", "out-of-scope newdir"],
    ["mkdir -p newdir/deep", "out-of-scope newdir"],
    ["touch src/new.ts", "out-of-scope src/new.ts"],
    ["touch src/{new1,new2}.ts", "out-of-scope src/new1.ts"],
    ["tee -a README.md < src/a.ts", "out-of-scope README.md"],
    ["echo x | sudo tee README.md", "out-of-scope README.md"],
    ["truncate -s 0 src/b.ts", "out-of-scope src/b.ts"],
    ["dd if=src/a.ts of=src/b.ts", "out-of-scope src/b.ts"],
    ["sort -o src/b.ts src/b.ts", "out-of-scope src/b.ts"],
    ["uniq src/a.ts src/b.ts", "out-of-scope src/b.ts"],
    ["sed -i 's/a/b/' src/b.ts", "out-of-scope src/b.ts"],
    ["sed -i.bak -e 's/a/b/' src/b.ts", "out-of-scope src/b.ts"],
    ['sed -Ei "s/$A/$B/" src/a.ts src/b.ts', "out-of-scope src/b.ts"],
    ["perl -pi -e 's/a/b/' src/b.ts", "out-of-scope src/b.ts"],
    ["tar czf bundle.tgz src", "out-of-scope bundle.tgz"],
    ["gcc -x c - -o aout.bin", "out-of-scope aout.bin"],
    ["curl -so out.html https://example.com", "out-of-scope out.html"],
    ["ln -sf a.ts src/b.ts", "out-of-scope src/b.ts"],
    ["ln -s /etc/passwd pw", "out-of-scope pw"],
    ["git bundle create b.bundle main", "out-of-scope b.bundle"],
    // wrappers
    ["env X=1 sh -c 'rm src/b.ts'", "out-of-scope src/b.ts"],
    ["env -C src sh -c 'echo x > b.ts'", "out-of-scope src/b.ts"],
    ["bash -lc 'rm src/b.ts'", "out-of-scope src/b.ts"],
    ["command rm src/b.ts", "out-of-scope src/b.ts"],
    ["builtin eval rm src/b.ts", "out-of-scope src/b.ts"],
    ["timeout -k 1 5 rm src/b.ts", "out-of-scope src/b.ts"],
    ["nohup nice -n 5 rm src/b.ts", "out-of-scope src/b.ts"],
    ["stdbuf -o0 rm src/b.ts", "out-of-scope src/b.ts"],
    ["flock /tmp/l rm src/b.ts", "out-of-scope src/b.ts"],
    ["time rm src/b.ts", "out-of-scope src/b.ts"],
    ["! rm src/b.ts", "out-of-scope src/b.ts"],
    ["FOO=1 rm src/b.ts", "out-of-scope src/b.ts"],
    ["env -i PATH=$PATH rm src/b.ts", "out-of-scope src/b.ts"],
    ["coproc { rm src/b.ts; }; wait", "out-of-scope src/b.ts"],
    ["setsid -f sh -c 'sleep 1; rm src/b.ts' >/dev/null 2>&1", "out-of-scope src/b.ts"],
    ["echo src/b.ts | xargs rm", "out-of-scope src/b.ts"],
    ["echo src/b.ts | xargs -I{} cp src/a.ts {}", "out-of-scope src/b.ts"],
    ["npx --no -c 'rm src/b.ts'", "out-of-scope src/b.ts"],
    ["eval 'rm src/b.ts'", "out-of-scope src/b.ts"],
    // state of the shell
    ["cd src && echo x > b.ts", "out-of-scope src/b.ts"],
    ["cd src; cd lib; cd ..; echo x > b.ts; ls", "out-of-scope src/b.ts"],
    ["(cd src; rm b.ts); ls", "out-of-scope src/b.ts"],
    ["pushd docs >/dev/null && echo x > guide.md", "out-of-scope docs/guide.md"],
    ["cd src/lib/link-dir && echo x > guide.md", "link src/lib/link-dir/guide.md"],
    ['F=src/b.ts; echo x > "$F"', "out-of-scope src/b.ts"],
    ["D=src; rm $\u007bD}/b.ts", "out-of-scope src/b.ts"],
    ["for f in a b; do rm src/$f.ts; done", "out-of-scope src/b.ts"],
    ['f() { rm "$1"; }; f src/b.ts', "out-of-scope src/b.ts"],
    // globs, by what is there
    ["rm src/[b]*", "out-of-scope src/b.ts"],
    ["sed -i s/a/b/ src/lib/*.ts", "forbidden src/lib/secret.ts"],
    ['for f in src/*.ts; do echo x >> "$f"; done', "out-of-scope src/b.ts"],
    ["cat src/*.ts; cd src && rm ?.ts", "out-of-scope src/b.ts"],
    // order and conditions
    ["npm test; rm src/b.ts; npm test", "out-of-scope src/b.ts"],
    ["npm test && rm src/b.ts", "out-of-scope src/b.ts"],
    ["npm test | tee test.log", "out-of-scope test.log"],
    ["rm src/b.ts || true", "out-of-scope src/b.ts"],
    ["if rm src/b.ts; then ls; fi", "out-of-scope src/b.ts"],
    ["echo go && rm src/b.ts; ls", "out-of-scope src/b.ts"],
    ["test -d docs || exit 1; rm src/b.ts", "out-of-scope src/b.ts"],
    ["rm src/b.ts & wait", "out-of-scope src/b.ts"],
    ["while true; do ls && break; done; rm src/b.ts", "out-of-scope src/b.ts"],
  ])("%s", (command, expected) => {
    // Of a folder, the first file that the system lists is named.
    expect(expected.split("|")).toContain(judged(command));
  });
});

describe("what is not certain goes on", () => {
  test.each([
    // in scope, or nothing
    "echo x > src/a.ts",
    "rm -f src/lib/*.tmp",
    "sed -i s/a/b/ src/lib/x.ts",
    "cp -r docs src/lib/docs",
    "mv src/lib/x.ts src/lib/z.ts",
    "mkdir -p src/lib/new && touch src/lib/new/f.ts",
    "cd src/lib && echo x > z.ts",
    "pushd src/lib >/dev/null; echo 1 > p.ts; popd >/dev/null",
    "cp src/a.ts $TMPDIR/a && echo x >> $TMPDIR/a && cp $TMPDIR/a src/a.ts",
    'git diff > "$TMPDIR/d.patch"',
    "echo x > /tmp/y 2>/dev/null >&2",
    "exec 2>&1; ls nosuch || true",
    "sort src/b.ts -o /dev/null",
    "sed -n '1,5p' src/b.ts",
    "grep -n '>' package.json",
    "echo \"=> done\"; echo '->'; echo \\>",
    "cat <<'EOF'\n> src/b.ts\n$(rm src/b.ts)\nEOF",
    "cat <<EOF\nrm -rf src\necho x > src/b.ts\nEOF",
    "[[ src/a.ts -nt src/b.ts ]] && echo newer; [ 1 \\> 0 ]",
    "perl -ne 'print if /foo/' src/b.ts",
    "python3 -c \"print('a'>'b', 1>>1)\"",
    'node -e "console.log(1 > 0)"',
    "touch src/b.ts",
    "mkdir -p docs",
    "rm -f nosuch.txt",
    "rm docs",
    ": >> src/b.ts",
    "cp --help src/a.ts src/b.ts",
    "bash -n -c 'rm src/b.ts'",
    "command -v rm src/b.ts",
    // scratch
    "rm -rf node_modules dist",
    "mkdir -p dist && echo x > dist/out.js",
    // undone by the command itself
    "echo x > out.txt; cat out.txt; rm out.txt",
    "mkdir tmpdir && cp src/a.ts tmpdir/ && rm -r tmpdir",
    "mkdir tmpdir; rmdir tmpdir",
    "cp src/b.ts $TMPDIR/b; echo x >> src/b.ts; npm test; cp $TMPDIR/b src/b.ts",
    "mv README.md $TMPDIR/R; npm test; mv $TMPDIR/R README.md",
    "trap 'rm -f out.txt' EXIT; ls > out.txt; wc -l out.txt",
    'echo x > out.txt; rm -f "$FILES"',
    "rm src/lib/link-out.ts && echo x > src/lib/link-out.ts",
    "cp src/lib/hard.ts src/lib/h2.ts && mv src/lib/h2.ts src/lib/hard.ts && echo x >> src/lib/hard.ts",
    "echo x > src/b.ts; git checkout -- src/b.ts",
    // conditions
    "false || rm src/b.ts",
    "true || rm src/b.ts",
    "[ -f nosuch ] && rm src/b.ts; ls",
    "[ -f nosuch ] && rm src/b.ts || true",
    "if [ -f nosuch ]; then rm src/b.ts; fi",
    "for f in $FILES; do rm src/b.ts; done",
    "for f in; do rm src/b.ts; done",
    "for f in 1 2; do break; rm src/b.ts; done",
    "for f in 1 2; do [ $f = 1 ] && continue; rm src/b.ts; done",
    "while read f; do rm src/b.ts; done < /dev/null",
    "case $X in a) rm src/b.ts ;; esac",
    "exit 0; rm src/b.ts",
    "[ -f nosuch ] || exit 0; rm src/b.ts",
    "f() { rm src/b.ts; }; ls",
    "f() { return; rm src/b.ts; }; f",
    "f() { [ -f nosuch ] || return; rm src/b.ts; }; f; ls",
    "rm() { :; }; rm src/b.ts",
    "alias rm=true; rm src/b.ts",
    "PATH=$TMPDIR:$PATH; rm src/b.ts",
    ". ./env.sh; rm src/b.ts",
    "set -n; rm src/b.ts",
    "echo $\u007bX:-$(rm src/b.ts)}",
    // unknown words and places
    "rm $F",
    "rm $OPTS src/b.ts",
    "$CMD src/b.ts",
    "echo x > $F",
    'cd "$D" && rm b.ts',
    "cd nosuch; rm src/b.ts",
    "cd nested2 || true; rm src/b.ts",
    'eval "$X"; rm src/b.ts',
    "echo $(echo src/b.ts) | xargs rm",
    "find . -name b.ts -delete",
    "make pwn",
    "rm src/lib/x*.ts src/lib/[!a-x].ts",
    "rm src/*.none",
    "npm run build; rm src/*.ts",
    "mv src/lib/x.ts src/lib/w.ts; rm src/*.ts",
    "rm 'src/*.ts' \"src/?.ts\" src/\\*.ts",
    "wc -l src/*.ts src/lib/*.ts | tail -1",
    // what cannot be read
    "rm 'src/b.ts",
    "rm src/b.ts; if",
    "rm src/b.ts )",
    "",
    "   ",
    "# rm src/b.ts",
  ])("%s", (command) => {
    expect(judged(command)).toBe("goes on");
  });
});

describe("git and rules", () => {
  test.each([
    ["git add src/a.ts", "no-stage git add"],
    ["git -c x=y add -A", "no-stage git add"],
    ["git commit -qam msg", "no-commit git commit"],
    ['git commit -m "$MSG"', "no-commit git commit"],
    ["cd src && git commit -m x", "no-commit git commit"],
    ["git -C src commit -m x", "no-commit git commit"],
    ["git merge other", "no-commit git merge"],
    ["git rebase other", "no-commit git rebase"],
    ["git push", "no-commit git push"],
    ["git revert --no-edit HEAD", "no-commit git revert"],
    ["git reset --soft HEAD~1", "no-commit git reset"],
    ["git branch newb", "git-dir .git"],
    ["git branch -D old", "git-dir .git"],
    ["git tag v2", "git-dir .git"],
    ["git checkout -b newb", "git-dir .git"],
    ["git switch -c newb", "git-dir .git"],
    ["git stash -q", "git-dir .git"],
    ["git stash push -m x", "git-dir .git"],
    ["git symbolic-ref HEAD refs/heads/other", "git-dir .git"],
    ["git remote add o ../x", "git-dir .git"],
    ["git notes add -m n", "git-dir .git"],
    ["git config core.hooksPath x", "git-dir .git"],
    ["git worktree add ../wt other", "git-dir .git"],
    ["git sparse-checkout set docs", "git-dir .git"],
    ["git reset -q --hard", "out-of-scope ."],
    ["git checkout -q .", "out-of-scope ."],
    ["git restore .", "out-of-scope ."],
    ["git clean -fdq", "out-of-scope ."],
    ["git restore README.md", "out-of-scope README.md"],
    ["git restore --source=other src/b.ts", "out-of-scope src/b.ts"],
    ["git checkout -- src/b.ts", "out-of-scope src/b.ts"],
    ["git checkout HEAD -- src/b.ts", "out-of-scope src/b.ts"],
    ["git checkout other -- src/a.ts", "no-stage git checkout"],
    ["git rm -q src/a.ts", "no-stage git rm"],
    ["git mv src/a.ts src/lib/a.ts", "no-stage git mv"],
  ])("%s", (command, expected) => expect(judged(command)).toBe(expected));

  test.each([
    "git status",
    "git diff --stat HEAD~1 | cat",
    "git log -p -1 -- src/b.ts",
    "git add -n .",
    "git commit --dry-run",
    "git stash list; git tag -l; git remote -v; git branch -a",
    "git branch --show-current; git branch --contains HEAD",
    "git stash create >/dev/null",
    "git config --get user.name; git config user.name; git config -l",
    "git config --global user.name x",
    "git worktree list; git notes list; git symbolic-ref HEAD",
    "git clean -n; git clean -nfd",
    "git checkout other -- src/a.ts && git reset -q src/a.ts",
    "git checkout -q -- src/a.ts",
    "git checkout HEAD -- src/a.ts; git checkout -q @ -- src/lib/x.ts",
    "git restore src/lib/x.ts",
    "git reset -q; git reset HEAD src/a.ts",
    "git checkout main",
    "git apply --check fix.patch",
    "git merge-base main other",
    "git merge --abort",
    "git add src/a.ts && git reset -q",
    "cd nested && git commit -m x",
    "git -C nested add .",
    "cd /tmp && git commit -m x",
    "GIT_DIR=/tmp/x git add .",
    "git --git-dir=/tmp/x add .",
    "cd $(mktemp -d) && git init -q && git add . && git commit -qm x",
    "git help commit; git commit --help",
  ])("%s goes on", (command) => expect(judged(command)).toBe("goes on"));

  test.each<[string, Rule[], string]>([
    ["git add src/a.ts", ["may-stage"], "goes on"],
    ["git commit -m x", ["may-stage"], "no-commit git commit"],
    ["git add . && git commit -m x", ["may-commit"], "goes on"],
    ["curl https://example.com", ["no-network"], "no-network curl"],
    ["curl -s http://localhost:3000/", ["no-network"], "goes on"],
    ["curl -s file:///etc/hostname", ["no-network"], "goes on"],
    ["curl https://example.com", [], "goes on"],
    ["git clone https://example.com/x /tmp/x", ["no-network"], "no-network git"],
    ["npm install left-pad", ["no-new-dependencies"], "no-new-dependencies npm install"],
    ["npm install", ["no-new-dependencies"], "goes on"],
    ["npm ci && npm test", ["no-new-dependencies"], "goes on"],
    ["cargo add serde", ["no-new-dependencies"], "no-new-dependencies cargo add"],
    ["touch src/lib/new.ts", ["no-new-files"], "no-new-files src/lib/new.ts"],
    ["echo x > src/lib/x.ts", ["no-new-files"], "goes on"],
    ["echo x > src/lib/t && mv src/lib/t src/lib/x.ts", ["no-new-files"], "goes on"],
    ["rm src/lib/x.ts", ["no-delete"], "no-delete src/lib/x.ts"],
    ["rm src/lib/x.ts; echo y > src/lib/x.ts", ["no-delete"], "goes on"],
    ["mv src/lib/x.ts src/lib/z.ts", ["no-rename"], "no-rename src/lib/x.ts"],
    ["mv $TMPDIR/n src/lib/x.ts", ["no-rename"], "goes on"],
  ])("%s with %j: %s", (command, rules, expected) => {
    expect(judged(command, { ...caseScope, rules })).toBe(expected);
  });

  test.each([
    ["cat docs/guide.md", "no-read docs/guide.md"],
    ["grep -n x docs/guide.md", "no-read docs/guide.md"],
    ["wc -l < docs/guide.md", "no-read docs/guide.md"],
    ["cat src/lib/link-dir/guide.md", "no-read docs/guide.md"],
    ["grep -n docs/guide.md README.md", "goes on"],
    ["cat README.md", "goes on"],
    ["grep -rn x .", "goes on"],
  ])("reading: %s: %s", (command, expected) => {
    expect(judged(command, { ...caseScope, noRead: ["docs/"], rules: ["no-read"] })).toBe(expected);
  });
});

test("the folder that the command starts in counts", () => {
  expect(judged("echo x > b.ts", caseScope, "src")).toBe("out-of-scope src/b.ts");
  expect(judged("echo x > a.ts", caseScope, "src")).toBe("goes on");
});

test("links that an unknown program may have changed are still followed, those the command changes are not", () => {
  const { root } = makeTree(files);
  mkdirSync(join(root, "src/lib/deep"));
  symlinkSync(join(root, "docs"), join(root, "src/lib/deep/docs"));
  writeFileSync(join(root, "src/lib/deep/x.ts"), "x");
  const matcher = createMatcher(scopeOf(caseScope), surroundingsOf(root));
  const judge = (command: string) => judgeShell(command, root, matcher, { root })?.code;
  expect(judge("npm run build; echo x > src/lib/deep/docs/guide.md")).toBe("link");
  expect(
    judge("rm -r src/lib/deep; mkdir -p src/lib/deep/docs; echo x > src/lib/deep/docs/guide.md"),
  ).toBeUndefined();
});

test("nothing makes it throw", () => {
  const { root } = makeTree(files);
  const matcher = createMatcher(scopeOf(caseScope), surroundingsOf(root));
  const piece = fc.constantFrom(
    ..."rm src/b.ts > >> < | || && ; & ( ) { } if then fi for do done case esac $( ` ' \" \\ $x ${ $(( [[ ]] << EOF \n cd mv git -i -- = * ~ ! \0 \ud800 é".split(
      " ",
    ),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 60 }),
        fc.array(piece, { maxLength: 14 }).map((list) => list.join(" ")),
      ),
      (command) => {
        judgeShell(command, root, matcher, { root });
      },
    ),
    { numRuns: 1500 },
  );
  judgeShell("(".repeat(20_000), root, matcher, { root });
  judgeShell("$(".repeat(5000), root, matcher, { root });
  judgeShell(`${"bash -c '".repeat(30)}rm src/b.ts`, root, matcher, { root });
});

const shared = join(import.meta.dirname, "../../../../shared/cases/shell.jsonl");
test.skipIf(!existsSync(shared))(
  "no benign case of ../shared/cases is refused (skipped where that is missing)",
  () => {
    const { root, outside } = makeTree({
      ...files,
      "src/hard_target.ts": "t",
      "scripts/reader.sh": "",
      "test/run.js": "",
    });
    const matcher = createMatcher(scopeOf(caseScope), surroundingsOf(root));
    const cases = readFileSync(shared, "utf8")
      .trim()
      .split("\n")
      .map((line): { cmd: string; effect: string } => JSON.parse(line));
    const refused = cases
      .filter((one) => one.effect !== "violates")
      .filter((one) =>
        judgeShell(one.cmd, root, matcher, { root, env: { HOME: join(outside, "home"), TMPDIR: outside } }),
      );
    expect(cases.length).toBeGreaterThan(100);
    expect(refused.map((one) => one.cmd)).toEqual([]);
  },
);
