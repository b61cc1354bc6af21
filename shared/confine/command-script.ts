import { gitHookVariables } from "./git-hook.ts";
import type { Policy, View } from "./policy.ts";
import { sh } from "./text.ts";

export interface CommandInput {
  view: View;
  commonDir: string;
  /** Whether commands are kept from moving refs by a hook. */
  hook: boolean;
  policy: Pick<Policy, "tools">;
}

/**
 * The end of the script of a command's first process: starts the command given as its arguments, says so
 * when something still runs that ends with it, and ends with its code.
 * @param start words before the command
 */
export function commandScript({ view, commonDir, hook, policy }: CommandInput, start: string): string {
  const { setsid } = policy.tools;
  const shownAt = view.hidden[0];
  return `hr_left() { # PROCESSES
  for hr_at; do
    [ "$hr_at" != /proc/1 ] && IFS= read -r hr_stat < "$hr_at/stat" || continue
    case \${hr_stat##*) } in Z* | X*) continue ;; esac
    echo 'handrail: what this command left running in the background was ended with it' >&8
    return
  done
}
export GIT_OPTIONAL_LOCKS=0
${hook && shownAt !== undefined ? gitHookVariables(commonDir, shownAt) : ""}
# What sh itself has to say of a command that was killed is nobody's business.
exec 8>&2 2> /dev/null
# In a session of its own: what it sends to its process group stays with it.
(exec ${sh(setsid)} ${start} "$@" 2>&8 8>&-)
hr_code=$?
set -- /proc/[0-9]*
[ "$#" -gt 1 ] && hr_left "$@"
exit "$hr_code"
`;
}

/** Folder and file that nobody may open, in the folder of what is shown instead of others. */
export const CLOSED = { folder: "closed", file: "unreadable" };

/**
 * Part of a script: covers sockets, pipes and what must not be read, as far as they are there.
 * @param mask where the covers lie
 * @param line sh that covers one with the other
 */
export function coverings(view: View, mask: string, line: (cover: string, path: string) => string): string {
  return [
    ...view.sockets.map(
      (path) => `{ [ -S ${sh(path)} ] || [ -p ${sh(path)} ]; } && ${line("/dev/null", path)}`,
    ),
    ...view.unread.map(({ path, folder }) => {
      const cover = `${mask}/${folder ? CLOSED.folder : CLOSED.file}`;
      return `[ ${folder ? "-d" : "-f"} ${sh(path)} ] && ${line(cover, path)}`;
    }),
  ].join("\n");
}
