import { basename } from "node:path";
import { targetFromEnv } from "../../../shared/callback/target.ts";
import type { Config } from "../../../shared/config/config.ts";
import { blockedBy, leasesDir } from "../../../shared/lock/store.ts";
import { inTheWay, leaseRequest } from "../../../shared/run/lease.ts";
import { newRunId } from "../../../shared/run/record.ts";
import { readRuns } from "../../../shared/run/store.ts";
import { freezeSurroundings } from "../../../shared/scope/surroundings.ts";
import { projectDir } from "../../../shared/state/place.ts";
import { packetArtifacts } from "../../../shared/task/artifacts.ts";
import type { Packet } from "../../../shared/task/packet-schema.ts";
import { acceptanceChanged, ownerProblem, rolesWith } from "../../../shared/task/roles.ts";
import type { TaskSpec } from "../../../shared/task/spec.ts";
import { isInLanguage } from "../../../shared/text/language.ts";
import { type Finding, ok, problem, warning } from "../doctor/part.ts";

/** One line of the checklist before work is handed over. */
export type Item = Finding & { name: string };

export interface Handover {
  root: string;
  /** The packet, relative to the root. */
  file: string;
  spec: TaskSpec;
  config: Config;
  env: NodeJS.ProcessEnv;
}

/**
 * The checklist before a packet is handed to OpenCode (requirements, opencode-orchestration: "Bridge-aware
 * checklist"), each item checked. Looks only.
 */
export function handoffChecklist(handover: Handover): Item[] {
  const { packet } = handover.spec;
  if (!packet) {
    const why = `${handover.file} is a ${handover.spec.source.replace("-", " ")}, not a coding packet`;
    return [item("packet", problem(why, "give a JSON file with packet_version"))];
  }
  return [
    item("packet", packetFinding(handover)),
    item("artifacts", artifacts(handover)),
    item("project", ok(`${basename(projectDir(handover.root))} at ${handover.root}`)),
    item("server", ok("lane cli needs none; lane serve starts or finds this project's own")),
    item("task", ok(`${packet.task_id}; its run id is assigned when it starts`)),
    item("owner", owner(handover, packet)),
    item("session-key", sessionKey(packet)),
    item("acceptance", acceptance(handover, packet)),
    item("validation", validation(packet)),
    item("callback", callback(handover.env)),
    item("leases", leases(handover)),
    item("language", language(handover, packet)),
  ];
}

function item(name: string, finding: Finding): Item {
  return { name, ...finding };
}

function packetFinding({ spec, file }: Handover): Finding {
  const [error] = spec.errors;
  if (error) return problem(error.message, `handrail task check ${file}`);
  const [first, ...more] = spec.warnings;
  if (!first) return ok(`${file}: every field is understood`);
  return warning(
    `${first.message}${more.length > 0 ? `; and ${more.length} more` : ""}`,
    `handrail task check ${file}`,
  );
}

function artifacts({ file, root }: Handover): Finding {
  const found = packetArtifacts(file, root);
  return found.length > 0
    ? ok(`beside it: ${found.join(", ")}`)
    : warning(
        "nothing lies beside the packet (specs.md, tasks.md, implement.md): it is all the executor has",
        "put the approved plan into the packet's folder",
      );
}

function owner({ config }: Handover, packet: Packet): Finding {
  const found = ownerProblem(packet.owner_agent, rolesWith(config.roles));
  if (!found) return ok(packet.owner_agent);
  const fix = 'another owner_agent, or "roles" in handrail.config.json';
  return found.kind === "error" ? problem(found.message, fix) : warning(found.message, fix);
}

function sessionKey({ session_key, task_id }: Packet): Finding {
  return session_key.includes(task_id)
    ? ok(session_key)
    : warning(`session_key ${JSON.stringify(session_key)} does not name the task`, `coding:${task_id}`);
}

function acceptance({ root }: Handover, packet: Packet): Finding {
  const earlier = readRuns(root).runs.findLast((run) => run.spec.packet?.task_id === packet.task_id);
  const changed = earlier?.spec.packet && acceptanceChanged(earlier.spec.packet, packet);
  if (changed) {
    return problem(
      `${changed} since run ${earlier?.run_id}; only whoever ordered the work may do that`,
      "give the changed task a task_id of its own, or take the criteria back",
    );
  }
  return packet.acceptance?.length
    ? ok(`${packet.acceptance.length} criteria${earlier ? ", unchanged since its last run" : ""}`)
    : warning("the packet has no acceptance criteria", 'add "acceptance"');
}

function validation({ validation: wanted }: Packet): Finding {
  return wanted?.commands?.length
    ? ok(`${wanted.commands.length} to run: ${wanted.commands.join("; ").slice(0, 120)}`)
    : warning("no validation command: done will rest on the diff alone", 'add "validation.commands"');
}

function callback(env: NodeJS.ProcessEnv): Finding {
  const target = targetFromEnv(env);
  const session = env.HANDRAIL_ORIGIN_SESSION_ID ?? env.HANDRAIL_ORIGIN_SESSION_KEY;
  if (target) return ok(`expected at ${target.target}`);
  if (session) return ok(`expected in session ${session}`);
  return warning(
    "nobody is called back: this is no agent's session, and no address is set",
    "start it from Claude Code, or set HANDRAIL_CALLBACK_URL and HANDRAIL_ORIGIN_SESSION_KEY",
  );
}

function leases({ root, spec, config }: Handover): Finding {
  if (!spec.ok) return warning("not looked at: the packet has errors", "mend the packet");
  const around = freezeSurroundings(spec.scope, root);
  const request = leaseRequest({ run_id: newRunId(), spec, around, root }, config);
  const blocked = blockedBy(leasesDir(root), request, config.modules);
  return blocked
    ? warning(inTheWay(blocked.by, blocked.reason), "handrail lock list; handrail schedule")
    : ok("nothing is in the way");
}

function language({ config }: Handover, { objective }: Packet): Finding {
  if (isInLanguage(objective, config.language)) return ok(config.language);
  return warning(
    `the objective is not in the language that "language" asks for (${config.language})`,
    "write what agents say to each other in that language",
  );
}
