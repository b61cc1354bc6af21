import { isForbidden, matchesGlob, settleRules } from "./conflicts.ts";
import { factsOf } from "./facts.ts";
import { forbiddenBut, forbiddenPattern } from "./forbidden.ts";
import { type Limit, limitPatterns, withinLimit } from "./limits.ts";
import type { NamedPath } from "./lists/named.ts";
import { coversPattern, isLiteral, normalizePattern, quote } from "./pattern.ts";
import { asItIs, type Place } from "./place.ts";
import type { Effect, TaskFacts } from "./prohibitions/effects.ts";
import type { Prohibition, Rule, Scope, TaskIssue } from "./spec.ts";

/** More entries than that nobody has read. */
const MOST = 2_000;

/** A scope while it is being read. Lists keep the order of the task; nothing is decided before `finish`. */
export class Draft {
  readonly errors: TaskIssue[] = [];
  readonly warnings: TaskIssue[] = [];
  readonly #prohibitions = new Map<string, Prohibition>();
  /** Paths that some prohibition names. */
  readonly #said = new Set<string>();
  readonly #allow = new Map<string, number>();
  readonly #inspect = new Map<string, number>();
  readonly #forbid = new Set<string>();
  readonly #noRead = new Set<string>();
  readonly #rules = new Set<Rule>();
  readonly #limits: Limit[] = [];
  readonly #literalExceptions: { pattern: string; rule: Rule; line: number }[] = [];
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  get prohibitions(): Prohibition[] {
    return [...this.#prohibitions.values()];
  }

  get hasAllow(): boolean {
    return this.#allow.size > 0;
  }

  error(message: string, line?: number): void {
    this.errors.push(line === undefined ? { message } : { line, message });
  }

  warn(message: string, line?: number): void {
    this.warnings.push(line === undefined ? { message } : { line, message });
  }

  /** Adds a path that may be changed; one that cannot be is an error. */
  allow(path: NamedPath, where?: string): void {
    const result = normalizePattern(path.raw, this.#place.root);
    if (!result.ok)
      this.error(where ? `${where}: ${result.message}` : result.message, path.line || undefined);
    else this.#add(this.#allow, asItIs(result.pattern, this.#place), path.line);
  }

  /** Adds a path that is only read. Outside of the repository nothing is written anyway. */
  inspect(path: NamedPath): void {
    const result = normalizePattern(path.raw, this.#place.root);
    if (result.ok) this.#add(this.#inspect, asItIs(result.pattern, this.#place), path.line);
    else if (result.reason === "invalid") this.error(result.message, path.line);
    else this.warn(`${result.message} (to inspect: ignored)`, path.line);
  }

  /** Records that a path of a list of files is not to be changed, unless a prohibition says so already. */
  forbid(path: NamedPath): void {
    const pattern = this.#forbidden(path);
    if (pattern === undefined) return;
    this.#forbid.add(pattern);
    if (this.#said.has(pattern)) return;
    this.#record({ text: `${path.raw}: not to be changed`, enforcement: "path", paths: [pattern] });
  }

  /** Whether a path is one that the task names as a file to change. */
  isNamed(raw: string): boolean {
    const result = normalizePattern(raw, this.#place.root);
    return (
      result.ok &&
      this.#allow.has(result.pattern) &&
      isLiteral(result.pattern) &&
      !result.pattern.endsWith("/")
    );
  }

  /** Where nothing else says what may change, "Do not modify any file except a.ts" does. */
  allowExceptions(): void {
    for (const limit of this.#limits)
      if (limit.names) for (const raw of limit.paths) this.allow({ raw, line: limit.line });
  }

  /** What classifying a prohibition asks of the task as it is now. */
  facts(): TaskFacts {
    return factsOf(this.#place, this.#allow, (raw) => this.isNamed(raw));
  }

  rule(rule: Rule): void {
    this.#rules.add(rule);
  }

  /** Nothing but these paths may change. */
  #limit(paths: readonly string[], names: boolean, text: string, line: number): void {
    const patterns = limitPatterns(paths, names, this.#place);
    if (patterns.length > 0) this.#limits.push({ paths: patterns, names, text, line });
  }

  /** Records a prohibition and makes it hold. */
  prohibit(text: string, line: number, effects: readonly Effect[]): void {
    for (const effect of effects) this.#record(this.#entryOf(effect, text, line));
  }

  #record(entry: Prohibition): void {
    this.#prohibitions.set(JSON.stringify(entry), entry);
    for (const path of entry.paths ?? []) this.#said.add(path);
  }

  #entryOf(effect: Effect, text: string, line: number): Prohibition {
    switch (effect.kind) {
      case "advisory":
        return { text, enforcement: "advisory" };
      case "everything":
        this.error(`${quote(text)} forbids everything; name what is not to be changed`, line);
        return { text, enforcement: "path" };
      case "rule":
        this.#rules.add(effect.rule);
        for (const raw of effect.except) {
          const result = normalizePattern(raw, this.#place.root);
          if (result.ok) this.#literalExceptions.push({ pattern: result.pattern, rule: effect.rule, line });
        }
        return { text, enforcement: "rule", rule: effect.rule };
      case "beyond":
        this.#limit(effect.paths, effect.names, text, line);
        return { text, enforcement: "path", paths: [...effect.paths] };
      case "no-read": {
        const paths = this.#forbiddenAll(effect.paths, line);
        for (const path of paths) this.#noRead.add(path);
        this.#rules.add("no-read");
        return { text, enforcement: "rule", rule: "no-read", paths };
      }
      case "forbid": {
        const paths = this.#forbiddenAll(effect.paths, line);
        const patterns = paths.flatMap((path) => this.#without(path, effect.except, text, line));
        for (const pattern of patterns) this.#forbid.add(pattern);
        return { text, enforcement: "path", paths };
      }
    }
  }

  #forbiddenAll(raws: readonly string[], line: number): string[] {
    return raws.flatMap((raw) => this.#forbidden({ raw, line }) ?? []);
  }

  #forbidden(path: NamedPath): string | undefined {
    const { pattern, problem } = forbiddenPattern(path.raw, this.#place);
    if (problem !== undefined) this.error(problem, path.line || undefined);
    return pattern;
  }

  /** A forbidden folder without its exceptions; the whole of it where they cannot be taken out. */
  #without(path: string, except: readonly string[], text: string, line: number): string[] {
    const patterns = forbiddenBut(path, except, this.#place);
    if (patterns !== undefined) return patterns;
    this.warn(`the exception in ${quote(text)} cannot be held; ${quote(path)} is forbidden as a whole`, line);
    return [path];
  }

  #add(map: Map<string, number>, pattern: string, line: number): void {
    if (!map.has(pattern)) map.set(pattern, line);
  }

  /**
   * Settles what contradicts: limits narrow the allow list, what is to be changed and only inspected is an
   * error, and so is a scope that is empty or forbidden as a whole.
   * @param softInspect patterns of lists such as "Relevant files", which may name files to change, too
   */
  finish(softInspect: ReadonlySet<string> = new Set()): Scope {
    const hadAllow = this.#allow.size > 0;
    const sizes = [this.#allow, this.#forbid, this.#inspect, this.#prohibitions].map((one) => one.size);
    if (Math.max(...sizes, this.#limits.length) > MOST) {
      this.error(`the task lists more than ${MOST} paths or prohibitions; name folders or globs instead`);
      return { allow: [], inspect: [], forbid: [], rules: ["no-stage", "no-commit"], noRead: [] };
    }
    for (const limit of this.#limits) this.#narrow(limit);
    for (const { pattern, rule, line } of this.#literalExceptions) this.#openException(pattern, rule, line);
    for (const [pattern, line] of this.#inspect) {
      if (!this.#allow.has(pattern)) continue;
      if (softInspect.has(pattern)) this.#inspect.delete(pattern);
      else
        this.error(
          `${quote(pattern)} is listed both to modify and only to inspect; keep it in one of the lists`,
          line || undefined,
        );
    }
    const allow = [...this.#allow.keys()];
    const forbidden = allow.filter((pattern) => isForbidden(pattern, this.#forbid));
    if (hadAllow && forbidden.length === allow.length)
      this.error(
        `everything that the task allows is also forbidden (${forbidden.slice(0, 3).map(quote).join(", ")}); take it out of one of the two`,
      );
    else
      for (const pattern of forbidden)
        this.warn(
          `${quote(pattern)} is allowed and forbidden: it stays forbidden`,
          this.#allow.get(pattern) || undefined,
        );
    const rules = settleRules(this.#rules);
    return {
      allow,
      inspect: [...this.#inspect.keys()],
      forbid: [...this.#forbid],
      rules,
      noRead: [...this.#noRead],
    };
  }

  #narrow(limit: Limit): void {
    for (const [pattern, line] of [...this.#allow]) {
      const kept = withinLimit(pattern, limit);
      if (kept.includes(pattern)) continue;
      if (kept.length === 0) this.#forbid.add(pattern);
      else this.#allow.delete(pattern);
      for (const one of kept) this.#add(this.#allow, one, line);
      this.warn(
        `${quote(limit.text)} narrows ${quote(pattern)} to ${kept.length > 0 ? kept.map(quote).join(", ") : "nothing"}`,
        limit.line,
      );
    }
  }

  /** "any test other than X": X, where it is in scope already, is named outright, which beats the rule. */
  #openException(pattern: string, rule: Rule, line: number): void {
    const covered = [...this.#allow.keys()].some(
      (one) => coversPattern(one, pattern) || matchesGlob(one, pattern),
    );
    if (!covered) return;
    if (isLiteral(pattern) && !pattern.endsWith("/") && this.#place.kindOf(pattern) !== "directory")
      this.#add(this.#allow, pattern, line);
    else
      this.warn(
        `the exception ${quote(pattern)} to "${rule}" cannot be held for a folder; name its files in the list of files to modify`,
        line,
      );
  }
}
