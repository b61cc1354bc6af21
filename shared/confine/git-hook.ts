import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sh } from "./text.ts";

// A commit in an overlay that drops `.git` would succeed, and the next command would not see it. A
// `reference-transaction` hook (githooks(5)) makes it fail at once, with the reason; what a command does
// without the hook is seen when its layer is applied. The hook comes by way of the environment, and through
// `includeIf.gitdir` (git-config(1)) for this repository only: others that a command makes are its own.

const HOOK = `#!/bin/sh
# Refuses to move a branch, a tag, the stash or HEAD; what moves nothing (git gc, git reset PATH) goes on.
[ "$1" = prepared ] || exit 0
packed() { # NAME VALUE: a loose ref may go when the packed one stays
  while read -r id name; do
    if [ "$name" = "$1" ] && [ "$id" = "$2" ]; then return 0; fi
  done < "$(git rev-parse --git-path packed-refs)"
  return 1
} 2> /dev/null
while read -r old new name; do
  case $name in HEAD | refs/*) ;; *) continue ;; esac
  now=$(git rev-parse --quiet --verify "$name")
  case $new in
    "$old" | "$now") continue ;;
    *[!0]*) ;;
    *) packed "$name" "$now" && continue ;;
  esac
  {
    echo "handrail: $name stays as it is: this task may make no commits, branches, tags or stashes."
    echo "handrail: leave your changes in the working tree; they are reviewed there."
  } >&2
  exit 1
done
exit 0
`;

/** Writes hook and configuration into the folder that commands see in place of hidden ones. */
export function writeGitHook(mask: string, shownAt: string): void {
  const hooks = join(mask, "hooks");
  mkdirSync(hooks, { recursive: true, mode: 0o755 });
  writeFileSync(join(hooks, "reference-transaction"), HOOK, { mode: 0o755 });
  writeFileSync(join(mask, "gitconfig"), `[core]\n\thooksPath = ${configValue(join(shownAt, "hooks"))}\n`);
}

/** Part of the script that starts a command: adds to the configuration in the environment, if any. */
export function gitHookVariables(commonDir: string, shownAt: string): string {
  // A name with a line break cannot be written in a configuration key; the layer is judged all the same.
  if (/[\n\0]/.test(commonDir + shownAt)) return "";
  const pattern = commonDir.replace(/[\\*?[\]]/g, "\\$&");
  const pair = (index: string, suffix: string) =>
    [
      `export "GIT_CONFIG_KEY_$((hr_git + ${index}))="${sh(`includeIf.gitdir:${pattern}${suffix}.path`)}`,
      `"GIT_CONFIG_VALUE_$((hr_git + ${index}))="${sh(join(shownAt, "gitconfig"))}`,
    ].join(" ");
  return `hr_git=\${GIT_CONFIG_COUNT:-0}
case $hr_git in *[!0-9]*) hr_git=0 ;; esac
${pair("0", "")}
${pair("1", "/**")}
export GIT_CONFIG_COUNT="$((hr_git + 2))"`;
}

function configValue(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
