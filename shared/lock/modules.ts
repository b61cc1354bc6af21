import { quote } from "../scope/quote.ts";

/** What modules depend on, as the configuration says it. */
export type ModuleMap = Record<string, { dependsOn: readonly string[] }>;

/**
 * Why two modules may ripple into each other: they are the same, one lies in the other (`ui`, `ui.checkout`),
 * one depends on the other, both depend on a third, or nobody has said what one of them depends on.
 * @returns undefined where none of that holds
 */
export function related(one: string, other: string, modules: ModuleMap): string | undefined {
  if (one === other) return `both are in module ${quote(one)}`;
  if (`${one}.`.startsWith(`${other}.`) || `${other}.`.startsWith(`${one}.`))
    return `module ${quote(one)} and module ${quote(other)} lie in each other`;
  const unknown = [one, other].find((name) => !Object.hasOwn(modules, name));
  if (unknown !== undefined)
    return `what module ${quote(unknown)} depends on is not known ("modules" in handrail.config.json)`;
  const [left, right] = [reach(one, modules), reach(other, modules)];
  if (left.has(other) || right.has(one))
    return `module ${quote(left.has(other) ? one : other)} depends on module ${quote(left.has(other) ? other : one)}`;
  const third = [...left].find((name) => right.has(name));
  return third === undefined
    ? undefined
    : `modules ${quote(one)} and ${quote(other)} both depend on ${quote(third)}`;
}

/** Everything a module depends on, directly or not. */
function reach(start: string, modules: ModuleMap): Set<string> {
  const found = new Set<string>();
  const open = [...(modules[start]?.dependsOn ?? [])];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...(modules[name]?.dependsOn ?? []));
  }
  return found;
}
