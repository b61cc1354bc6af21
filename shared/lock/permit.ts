import { statSync } from "node:fs";
import type { Action } from "../scope/action.ts";
import type { Refusal } from "../scope/decision.ts";
import { createMatcher, type Matcher } from "../scope/matcher.ts";
import { type Place, resolvePath } from "../scope/paths.ts";
import { quote } from "../scope/quote.ts";
import { GroupFinder } from "./groups.ts";
import { isHeld, type Lease, leaseSchema } from "./lease.ts";
import { changeLease, readLease, readLeases, withGate } from "./store.ts";

/** The paths that an action writes, relative to the root; what cannot be resolved is not there. */
export function pathsOf(action: Extract<Action, { kind: "write" }>, place: Place): string[] {
  const given = action.changes.flatMap((change) =>
    change.op === "move" ? [change.path, change.to] : [change.path],
  );
  return given.flatMap((path) => {
    const resolved = resolvePath(path, place);
    if ("decision" in resolved) return [];
    return [...new Set([resolved.lexical, resolved.real])].filter((one) => one !== undefined);
  });
}

/** A change of the folder within this time may still be hidden by the clock of the file system. */
const RACY_MS = 50;

interface Known {
  lease: Lease;
  matcher: Matcher;
  groups: GroupFinder;
}

/**
 * Asks the leases of a working tree about single writes: no run writes what another one holds. Reads them
 * again only when something has changed.
 */
export class LeaseGuard {
  readonly #dir: string;
  readonly #owner: string | undefined;
  #seen: bigint | undefined;
  #known: Known[] = [];

  /** @param owner the run that writes; undefined for work outside any run */
  constructor(dir: string, owner: string | undefined) {
    this.#dir = dir;
    this.#owner = owner;
  }

  /**
   * Whether paths may be written now. A shared group that the run touches for the first time becomes part of
   * its lease, if no other lease has it.
   * @param paths relative to the root, resolved
   * @returns the first refusal
   * @throws HandrailError `state-unreadable`, `busy`
   */
  async refusal(paths: readonly string[]): Promise<Refusal | undefined> {
    const held = this.#heldFrom(paths);
    if (held) return held;
    const own = this.#own()?.lease;
    for (const path of paths) {
      const missing = this.#groupsMissing(path);
      const refused = missing.length > 0 ? await this.#touch(path, missing, own) : undefined;
      if (refused) return refused;
    }
    return undefined;
  }

  /** The same as it stands now; nothing is taken for it. */
  foresee(paths: readonly string[]): Refusal | undefined {
    const held = this.#heldFrom(paths);
    if (held) return held;
    for (const path of paths) {
      const missing = this.#groupsMissing(path);
      const lease = missing.length > 0 ? this.#holderOfGroup(missing, this.#own()?.lease) : undefined;
      if (lease) return refusedBy(lease, path, asGroup(missing));
    }
    return undefined;
  }

  /** What is in the way by its path: another run's lease, or what this run has handed over. */
  #heldFrom(paths: readonly string[]): Refusal | undefined {
    this.#refresh();
    for (const path of paths) {
      const held = this.#holderOf(path);
      if (held) return held;
    }
    const own = this.#own()?.lease;
    const gone = own && paths.find((path) => givenTo(own, path) !== undefined);
    if (own === undefined || gone === undefined) return undefined;
    const detail = `this run has handed it over to task ${quote(givenTo(own, gone) ?? "", 60)}`;
    return { decision: "refuse", code: "leased", path: gone, detail };
  }

  #own(): Known | undefined {
    return this.#known.find(({ lease }) => lease.run_id === this.#owner);
  }

  /** The shared groups that a path belongs to and that are not part of this run's lease. */
  #groupsMissing(path: string): string[] {
    const own = this.#own();
    const finder = own ?? this.#known[0];
    return finder?.groups.of(path).filter((name) => !own?.lease.claims.groups.includes(name)) ?? [];
  }

  #holderOfGroup(groups: readonly string[], own: Lease | undefined): Lease | undefined {
    return readLeases(this.#dir).find(
      (lease) =>
        lease.run_id !== this.#owner &&
        isHeld(lease) &&
        lease.claims.groups.some(
          (name) =>
            groups.includes(name) &&
            !lease.given.some((one) => one.to === own?.task_id && one.groups.includes(name)),
        ),
    );
  }

  /** Whether this run still has a lease: a process that was stopped for long may have lost it. */
  holds(): boolean {
    this.#refresh();
    const own = this.#own()?.lease;
    return own !== undefined && isHeld(own);
  }

  #holderOf(path: string): Refusal | undefined {
    const task = this.#own()?.lease.task_id;
    const isOurs = (given: string | undefined) => given !== undefined && given === task;
    const found = this.#known.find(
      ({ lease, matcher }) =>
        lease.run_id !== this.#owner &&
        matcher.classify(path).decision === "allow" &&
        !isOurs(givenTo(lease, path)),
    );
    const lease = found && readLease(this.#dir, found.lease.run_id);
    return lease && isHeld(lease) ? refusedBy(lease, path) : undefined;
  }

  /** Takes shared groups into the run's lease, or finds the lease that has them. */
  #touch(path: string, groups: string[], own: Lease | undefined): Promise<Refusal | undefined> {
    const other = () => this.#holderOfGroup(groups, own);
    const refused = (lease: Lease) => refusedBy(lease, path, asGroup(groups));
    if (!own) {
      return withGate(this.#dir, () => {
        const lease = other();
        return lease && refused(lease);
      });
    }
    let found: Lease | undefined;
    return changeLease(this.#dir, own.run_id, (lease) => {
      found = other();
      if (found) return leaseSchema.parse(lease);
      return {
        ...lease,
        claims: { ...lease.claims, groups: [...new Set([...lease.claims.groups, ...groups])] },
      };
    }).then(() => found && refused(found));
  }

  #refresh(): void {
    const stats = statSync(this.#dir, { bigint: true, throwIfNoEntry: false });
    if (!stats) {
      this.#known = [];
      return;
    }
    if (stats.mtimeNs === this.#seen) return;
    this.#known = readLeases(this.#dir).map((lease) => ({
      lease,
      matcher: matcherOf(lease),
      groups: new GroupFinder(lease.shared, lease.claims.around.caseInsensitive),
    }));
    const settled = Date.now() - Number(stats.mtimeMs) > RACY_MS;
    this.#seen = settled ? stats.mtimeNs : undefined;
  }
}

function matcherOf({ claims: { scope, around } }: Lease): Matcher {
  return createMatcher(scope, {
    kindOf: (path) => around.kinds[path],
    caseInsensitive: around.caseInsensitive,
  });
}

function asGroup(names: readonly string[]): string {
  return `as part of the shared group ${quote(names.join(", "), 80)}`;
}

function refusedBy(lease: Lease, path: string, how = ""): Refusal {
  const state = lease.awaiting ? "has ended; its report waits to be confirmed" : "works on it";
  const detail = `run ${lease.run_id} of task ${quote(lease.task_id, 60)} ${state}${how && `, ${how}`}`;
  return { decision: "refuse", code: "leased", path, detail };
}

/** The task that a path was handed over to. */
function givenTo(lease: Lease, path: string): string | undefined {
  return lease.given.findLast((one) =>
    one.paths.some((given) => (given.endsWith("/") ? path.startsWith(given) : path === given)),
  )?.to;
}
