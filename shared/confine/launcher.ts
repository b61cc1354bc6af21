import type { Hold } from "./hold.ts";
import { homeNews } from "./home-news.ts";
import { MAY_RENAME } from "./lift.ts";
import { placesIn, workPlacesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { sh, shWords } from "./text.ts";

/** Hands a command line to the user's own shell, without what a command must not know. For a machine without overlay. */
export function plainScript(userShell: string, commands: string): string {
  return `#!/bin/sh
# Handrail's shell of one run, on a machine where a command cannot be held.
hr_call=\${HANDRAIL_CALL_ID-}
case $hr_call in *[!A-Za-z0-9_.:-]*) hr_call= ;; esac
unset ${SECRET_VARIABLES.join(" ")}
${sh(userShell)} "$@"
hr_code=$?
printf '{"callID":"%s","exitCode":%d}\\n' "$hr_call" "$hr_code" >> ${sh(commands)}
exit "$hr_code"
`;
}

/** Never handed to a command. */
export const SECRET_VARIABLES = [
  ...["HANDRAIL_STATE_DIR", "HANDRAIL_TASK", "HANDRAIL_RUN_ID", "HANDRAIL_CALL_ID", "HANDRAIL_INBOX"],
  "HANDRAIL_CONFINEMENT",
  ...["HANDRAIL_ORIGIN_SESSION_ID", "HANDRAIL_ORIGIN_SESSION_KEY"],
  ...["HANDRAIL_CALLBACK_URL", "HANDRAIL_CALLBACK_TOKEN"],
  ...["OPENCODE_SERVER_PASSWORD", "OPENCODE_SERVER_USERNAME"],
  // With these a process speaks to the Claude session itself (2.1.329, measured).
  ...["CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN"],
];

/**
 * With these Node and Bun load other programs first, which may lie in the repository (Yarn sets NODE_OPTIONS so),
 * write files there, or read certificates that nothing here needs (it takes longer than starting Node, measured).
 */
const START_VARIABLES = [
  ...["NODE_OPTIONS", "BUN_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_V8_COVERAGE", "NODE_REDIRECT_WARNINGS"],
  ...["OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES"],
];

/**
 * The shell of a run: `<shell> -c COMMAND` holds the command, waits for it, and has what it wrote applied.
 * Only where something was written a second program (Node, Bun) starts.
 */
export function launcherScript(policy: Policy, hold: Hold): string {
  const places = placesIn(policy.runDir);
  const work = workPlacesIn(policy.work);
  const { applier } = policy;
  const variables = Object.entries(applier.environment).map(([name, value]) => `${name}=${sh(value)} `);
  // Not in the command's own folder: Bun runs what a `bunfig.toml` there names, and reads its `.env` (measured).
  const apply = (verb: string, code = "") =>
    `(unset ${START_VARIABLES.join(" ")}; cd ${sh(places.dir)} && ${variables.join("")}${shWords([...applier.command, verb, policy.runDir])}${code})`;
  const parts = [work.top, work.git].map((part) => sh(`${part}/upper`)).join(" ");
  const flock = sh(policy.tools.flock);
  return `#!/bin/sh
# Handrail's shell of one run: holds a command in an overlay of the repository, then has applied what the
# task allows. Generated; policy.json beside it is what it goes by.

hr_call=\${HANDRAIL_CALL_ID-}
case $hr_call in *[!A-Za-z0-9_.:-]*) hr_call= ;; esac
unset ${SECRET_VARIABLES.join(" ")}

if ! [ -e /proc/self/fd/0 ]; then exec < /dev/null; fi
# Through a descriptor of a file in the repository a command could reach past the overlay.
if [ -f /dev/stdin ] || [ -d /dev/stdin ]; then
  export HANDRAIL_CALL_ID="$hr_call"
  ${sh(policy.tools.cat)} 2>/dev/null | "$0" "$@"
  exit
fi
exec 3<&0 4>&- 5>&- 6>&- 7>&- 8>&-
for hr_fd in /proc/self/fd/*; do
  case \${hr_fd##*/} in [0-9]) continue ;; esac
  if [ -e "$hr_fd" ] && ! [ "$hr_fd" -ef "$0" ]; then hr_spare="\${hr_spare-} \${hr_fd##*/}"; fi
done
# -p: what BASH_ENV names, or functions of the environment, would run before anything is held.
if [ -n "\${hr_spare-}" ]; then
  export HANDRAIL_CALL_ID="$hr_call"
  exec ${sh(policy.tools.bash ?? "bash")} -p -c 'for hr_fd in $1; do eval "exec $hr_fd>&-"; done; shift; exec "$@"' bash "$hr_spare" "$0" "$@"
fi

hr_empty() {
  for hr_at; do
    # Closed by the command itself: what is in there cannot be seen from here.
    if [ -d "$hr_at" ] && ! { [ -r "$hr_at" ] && [ -w "$hr_at" ] && [ -x "$hr_at" ]; }; then return 1; fi
    for hr_in in "$hr_at"/* "$hr_at"/.[!.]* "$hr_at"/..?*; do
      if [ -e "$hr_in" ] || [ -L "$hr_in" ]; then return 1; fi
    done
  done
}
hr_stop() { # SIGNAL: to the command itself, past the processes that hold it
  # No line end in there, which read takes for a failure.
  hr_init= hr_kid=
  read -r hr_init hr_ < "/proc/$hr_held/task/$hr_held/children"
  read -r hr_kid hr_ < "/proc/$hr_init/task/$hr_init/children"
  [ -n "$hr_kid" ] || return 0
  # It leads a session of its own; very early on it does not yet.
  kill -s "$1" -- "-$hr_kid" || kill -s "$1" "$hr_kid"
} 2>/dev/null
hr_end() { # asked to end: the command first, by force after a second
  trap : TERM HUP
  hr_stop "$1"
  { ${sh(policy.tools.sleep)} 1; kill -s KILL "$hr_held"; } >/dev/null 2>&1 <&- 3<&- 9>&- &
  hr_alarm=$!
}

${homeNews(policy, policy.tools.find)}

exec 9>> ${sh(policy.lock)} || exit 126
if ! ${flock} -w 2 9; then
  echo 'handrail: waiting for another command in this working tree' >&2
  ${flock} 9 || exit 126
fi
if [ -s ${sh(work.busy)} ] || ! [ -d ${sh(`${work.top}/work`)} ] || ! hr_empty ${parts}; then
  ${apply("finish")} 3<&- || exit 126
fi
printf '%s\\n' "$hr_call" > ${sh(`${work.layer}/call`)}
echo starting > ${sh(work.busy)}
hr_cwd=$PWD
case $* in ${MAY_RENAME}) ${apply("lift", ' "$hr_cwd" "$*"')} < /dev/null 3<&- ;; esac

# In the background, so that a signal is heard at once; what sh takes from such a process is given back.
${hold.ending}
${shWords(hold.words)} "$@" <&3 3<&- 9>&- ${hold.redirection} &
hr_held=$!
exec 3<&-
trap 'hr_stop INT' INT
trap 'hr_stop QUIT' QUIT
trap 'hr_end TERM' TERM
trap 'hr_end HUP' HUP
wait "$hr_held"
hr_code=$?
while kill -s 0 "$hr_held" 2>/dev/null; do
  wait "$hr_held"
  hr_code=$?
done
# By force: sh may lose a signal just after a fork, and the alarm must hit nobody else.
if [ -n "\${hr_alarm-}" ]; then kill -s KILL "$hr_alarm" 2>/dev/null; fi

hr_home
if hr_empty ${parts}; then
  : > ${sh(work.busy)}
  printf '{"callID":"%s","exitCode":%d}\\n' "$hr_call" "$hr_code" >> ${sh(places.commands)}
  exit "$hr_code"
fi
${apply("apply", ' "$hr_code"')}
`;
}

/**
 * The program that OpenCode is given as its shell: hands each command to the shell of the run that the
 * command's session works for. Which one that is, the plugin says in the command's environment
 * (`HANDRAIL_SHELL`: a run's shell, or `user` for a session that is bound to none). Without a word from the
 * plugin nothing runs.
 * @param userShell absolute path of the user's own shell
 */
export function dispatcherScript(userShell: string): string {
  return `#!/bin/sh
# Handrail's shell. Generated.
hr_shell=\${HANDRAIL_SHELL-}
unset HANDRAIL_SHELL
case $hr_shell in
  user) exec ${sh(userShell)} "$@" ;;
  /*) exec "$hr_shell" "$@" ;;
esac
echo 'handrail: this command was not started: the Handrail plugin has not said for which task it runs' >&2
exit 126
`;
}
