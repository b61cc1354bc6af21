import { existsSync, realpathSync } from "node:fs";
import { relative } from "node:path";
import { workPlacesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { sh } from "./text.ts";
import { isBelow } from "./tools.ts";

/** Caches, histories and installed tools below home: that they stay in the run's layer is no news. */
const CACHES = [
  ...[".npm", ".cache", ".cargo", ".rustup", "go", ".m2", ".gradle", ".ivy2", ".sbt", ".konan", ".android"],
  ...[".local", ".yarn", ".pnpm-store", ".bun", ".deno", ".node-gyp", ".nuget", ".dotnet", ".gem", ".bundle"],
  ...[".rbenv", ".pyenv", ".nvm", ".volta", ".composer", ".cpan", ".hex", ".mix", ".stack", ".cabal"],
  ...[".ghcup", ".julia", ".terraform.d", ".dart", ".pub-cache", ".swiftpm", ".ccache", ".ipython"],
  ...[".node_repl_history", ".python_history", ".lesshst", ".viminfo", ".wget-hsts", ".bash_history"],
];
/** Whether a path below home is a cache by its name. */
export function isHomeCache(path: string): boolean {
  return CACHES.includes(path.split("/")[0] ?? "");
}

const CACHES_BELOW = [
  ".config/configstore",
  ".config/go",
  ".config/yarn",
  ".config/pnpm",
  ".config/matplotlib",
];

/**
 * Part of the shell's script: tells of what a command wrote below home, which lasts for the run only. In sh,
 * for most commands write nothing there or only to caches, and need no other program then.
 */
export function homeNews(policy: Policy, find: string): string {
  const work = workPlacesIn(policy.work);
  const home = `${work.keep}/home/upper`;
  const around = folderAround(policy);
  const caches = CACHES.filter((name) => name !== around);
  const skipped = CACHES_BELOW.map((path) => `-path ${sh(`${home}/${path}`)}`).join(" -o ");
  return `hr_home() {
  set --
  for hr_in in ${sh(home)}/* ${sh(home)}/.[!.]* ${sh(home)}/..?*; do
    case \${hr_in##*/} in
      ${caches.map(sh).join(" | ")}) continue ;;
    esac
    if [ -e "$hr_in" ] || [ -L "$hr_in" ]; then set -- "$@" "$hr_in"; fi
  done
  [ "$#" -gt 0 ] && hr_new "$@" || return
  for hr_in; do
    if hr_new "$hr_in"; then
      case \${hr_in##*/} in *[!A-Za-z0-9._-]*) hr_in=/... ;; esac
      hr_names="\${hr_names-} ~/\${hr_in##*/}"
    fi
  done
  echo "handrail: what is written below home lasts for this run only:$hr_names" >&2
}
hr_new() { # PATHS: whether this command changed something there
  [ -n "$(${sh(find)} "$@" '(' ${skipped} ')' -prune -o ! -type d -cnewer ${sh(work.busy)} -print -quit)" ]
}`;
}

/** The folder of home in which the repository lies (`~/go/src/...`): what is beside it there is no cache. */
function folderAround({ home, root }: Policy): string | undefined {
  const real = home !== undefined && existsSync(home) ? realpathSync(home) : undefined;
  return real !== undefined && isBelow(root, real) ? relative(real, root).split("/")[0] : undefined;
}
