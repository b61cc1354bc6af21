import { join } from "node:path";
import { commandScript, coverings } from "./command-script.ts";
import { CAPABILITIES, type InsideInput, insideScript, overlayScript } from "./inside.ts";
import { depth } from "./mount-table.ts";
import { type Places, workPlacesIn } from "./places.ts";
import type { Mechanism } from "./policy.ts";
import { sh, shWords } from "./text.ts";
import { isBelow } from "./tools.ts";

/** How a mechanism holds a command: the scripts it needs, and the line that runs a command. */
export interface Hold {
  scripts: { path: string; text: string }[];
  /** Sh code: makes the arguments of `words` from those of the user's shell. */
  ending: string;
  words: string[];
  /** A redirection for `words`, or "". */
  redirection: string;
}

/** The name under which commands find the script that starts them, in the folder that hides others. */
const COMMAND = "command";

export function holdWith(mechanism: Mechanism, input: InsideInput, places: Places): Hold {
  const { tools } = input.policy;
  const { busy, mask } = workPlacesIn(input.policy.work);
  // sh takes interrupts from what it starts in the background.
  const reset = [tools.env, "--default-signal=INT,QUIT"];
  const user = input.identity.privileged ? [] : ["--user", "--map-root-user"];
  const atFolder = 'set -- "$PWD" "$@"';
  if (mechanism === "util-linux") {
    const namespaces = ["--mount", "--pid", "--ipc", "--fork", "--kill-child", ...user];
    return {
      scripts: [{ path: places.inside, text: insideScript(input) }],
      ending: atFolder,
      words: [
        ...reset,
        // The whole of it ends with the shell, however that ends.
        ...[tools.setpriv, "--pdeathsig", "KILL"],
        ...[tools.unshare, ...namespaces, ...(input.network ? [] : ["--net"])],
        ...["--", tools.sh, places.inside],
      ],
      redirection: "",
    };
  }
  const command = { path: join(mask, COMMAND), text: commandScript(input, sh(input.userShell)) };
  if (mechanism === "bwrap-overlay") {
    return {
      scripts: [command],
      ending: bubblewrapEnding(input),
      words: [...reset, ...bubblewrapWords(input, true)],
      redirection: `8> ${sh(busy)}`,
    };
  }
  const words = `${shWords(bubblewrapWords(input, false))}`;
  const script = overlayScript(input, words, bubblewrapEnding(input));
  return {
    scripts: [command, { path: places.inside, text: script }],
    ending: atFolder,
    words: [...reset, tools.unshare, "--mount", ...user, "--", tools.sh, places.inside],
    redirection: "",
  };
}

/** The options that differ from call to call: the folder, the sockets that are there, the command. */
function bubblewrapEnding({ policy, view }: InsideInput): string {
  const { mask } = workPlacesIn(policy.work);
  const script = join(view.hidden[0] ?? "/", COMMAND);
  return [
    `set -- --chdir "$PWD" -- ${sh(policy.tools.sh)} ${sh(script)} "$@"`,
    coverings(view, mask, (cover, path) => `set -- --ro-bind ${sh(cover)} ${sh(path)} "$@"`),
  ].join("\n");
}

/** @param own whether bubblewrap makes the overlays itself; else they are there, and are taken over */
function bubblewrapWords({ policy, view, identity, network }: InsideInput, own: boolean): string[] {
  const work = policy.work;
  const layers = [
    ...view.overlays.map(({ target, layer }) => ({
      target,
      words: [
        "--overlay-src",
        target,
        "--overlay",
        join(work, layer, "upper"),
        join(work, layer, "work"),
        target,
      ],
    })),
    ...view.originals.map((target) => ({ target, words: ["--ro-bind", target, target] })),
  ].sort((a, b) => depth(a.target) - depth(b.target));
  const outermost = layers.filter(
    ({ target }) => !layers.some((other) => other.target !== target && isBelow(target, other.target)),
  );
  return [
    policy.tools.bwrap ?? "bwrap",
    ...["--die-with-parent", "--as-pid-1", "--info-fd", "8", "--unshare-pid", "--unshare-ipc"],
    ...(network ? [] : ["--unshare-net"]),
    ...(identity.uid === 0
      ? ["--cap-drop", "ALL", ...CAPABILITIES.flatMap((name) => ["--cap-add", `CAP_${name.toUpperCase()}`])]
      : ["--unshare-user", "--uid", String(identity.uid), "--gid", String(identity.gid)]),
    ...["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
    // bubblewrap takes /proc/sys for read-only by its mode, but root sets the machine by the files in it.
    ...(identity.uid === 0 ? ["--remount-ro", "/proc"] : []),
    ...view.shown.flatMap(({ source, target }) => ["--bind", join(work, source), target]),
    ...(own
      ? layers.flatMap((one) => one.words)
      : outermost.flatMap(({ target }) => ["--bind", target, target])),
    ...view.hidden.flatMap((target) => ["--ro-bind", workPlacesIn(work).mask, target]),
  ];
}
