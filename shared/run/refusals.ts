import type { ReportedRefusal } from "../callback/payload.ts";
import { readCommands } from "../confine/commands.ts";
import { placesIn } from "../confine/places.ts";
import type { RunEvent } from "./events.ts";

export interface RefusedAct {
  code: string;
  path?: string;
  rule?: string;
  tool?: string;
}

export interface ShellWord {
  /** What commands wrote and was not applied. */
  refused: (RefusedAct & { path: string; kept: boolean })[];
  /** Confined commands that Handrail's shell has said nothing of. */
  silent: number;
}

/**
 * What Handrail's shell has said of the turn's confined commands.
 * @param held their call ids, as the process that held the turn remembers them
 */
export function shellWord(
  dir: string,
  events: readonly RunEvent[],
  held: ReadonlySet<string> = new Set(),
): ShellWord {
  const logged = events.flatMap((event) =>
    event.type === "shell" && event.confinement === "overlay" && event.callID !== undefined
      ? [event.callID]
      : [],
  );
  const calls = new Set([...logged, ...held]);
  const said = readCommands(placesIn(dir).commands).filter((command) => calls.has(command.callID));
  return {
    refused: said.flatMap((command) =>
      command.refused.map(({ path, code, rule, quarantined }) => ({
        path,
        code,
        tool: "bash",
        kept: quarantined !== null,
        ...(rule === undefined ? {} : { rule }),
      })),
    ),
    silent: calls.size - new Set(said.map((command) => command.callID)).size,
  };
}

/** The tool calls that the guard refused. */
export function refusedCalls(events: readonly RunEvent[]): RefusedAct[] {
  return events.flatMap((event) => {
    if (event.type !== "refusal") return [];
    const { code, path, rule, tool } = event;
    return [{ code, ...(path ? { path } : {}), ...(rule ? { rule } : {}), ...(tool ? { tool } : {}) }];
  });
}

/** Equal refusals as one, with how many there were. */
export function countRefusals(acts: readonly RefusedAct[]): ReportedRefusal[] {
  const counted = new Map<string, ReportedRefusal>();
  for (const { code, path, rule, tool } of acts) {
    const key = JSON.stringify([code, path, rule, tool]);
    const known = counted.get(key);
    if (known) known.count += 1;
    else counted.set(key, { code, count: 1, path, rule, tool });
  }
  return [...counted.values()];
}
