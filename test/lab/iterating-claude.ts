import { call, type ModelRequest, type Step, text } from "./script.ts";

/** Where a scripted Claude works through a feature. */
export interface Iterating {
  plan: string;
  feature: string;
  /** A folder for answers, outside of the repository. */
  notes: string;
  /** Waits this long for a new session, in minutes; default what `plan state` prints. */
  timeout?: string;
  /** Where it stops, to be taken up by another Claude. */
  until?: string;
}

/**
 * A Claude that knows nothing but what `handrail plan state` prints: it asks where the feature stands, does
 * what comes next, and asks again, until the user has to decide or the feature is finished.
 */
export function goesOn(at: Iterating): (request: ModelRequest) => Step {
  const which = `${at.plan} ${at.feature}`;
  return (request) => {
    if (request.step % 2 === 0) return bash(`handrail plan state ${which}`);
    // What a hook has to say may come after it.
    const last = request.messages.findLast(({ toolResults }) => toolResults.length > 0);
    const shown = last?.toolResults.join("\n") ?? "";
    const phase = /^phase (\w+)/m.exec(shown)?.[1] ?? "unknown";
    if (phase === at.until) return text(`Stopped in ${phase}.`);
    const [command = ""] = shown
      .split("\n")
      .flatMap((line) => /^ {2}(handrail (?:session|review) .*)$/.exec(line)?.[1] ?? []);
    const next = act(phase, command, at, `handrail plan record ${which}`);
    return next === undefined ? text(`Feature ${at.feature}: ${phase}.`) : bash(next);
  };
}

function act(phase: string, command: string, at: Iterating, record: string): string | undefined {
  const answer = `${at.notes}/answer.json`;
  const role = phase === "evaluate" ? "reviewer" : "generator";
  switch (phase) {
    case "generate":
    case "evaluate":
    case "fix": {
      const json = command.includes(" -- ") ? command.replace(" -- ", " --json -- ") : `${command} --json`;
      const waited =
        at.timeout === undefined ? json : json.replace("--timeout 60", `--timeout ${at.timeout}`);
      const run = `${waited} > ${answer}; echo "exit $?"`;
      if (/^handrail session new/.test(command)) {
        const id = `$(node -p 'JSON.parse(require("fs").readFileSync("${answer}", "utf8")).session_id')`;
        return `${run}; ${record} ${role} --session "${id}"`;
      }
      const event = { generate: "generated", fix: "fixed", evaluate: `evaluation --answer ${answer}` }[phase];
      return `${run}; ${record} ${event}`;
    }
    case "advisory":
      return `${command.replace(/> FILE$/, `> ${answer}`)}; echo "exit $?"; ${record} advisory --answer ${answer}`;
    case "done":
      return `handrail plan check ${at.plan} ${at.feature} --tick 1 && ${record} finished --accept-open`;
    default:
      return undefined;
  }
}

export function bash(command: string): Step {
  return call("Bash", { command, description: "run", timeout: 120_000 });
}
