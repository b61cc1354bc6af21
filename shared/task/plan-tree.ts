import type { PlanKind } from "./plan-kinds.ts";
import type { Mark } from "./plan-outline.ts";

/** One of these makes a heading a feature. */
const MAKES_FEATURE: readonly PlanKind[] = ["userStory", "specification", "deliverableStandard", "checklist"];
/** A mark with what it covers. */
export interface MarkNode {
  mark: Mark;
  end: number;
  /** The heading it belongs to: a feature where one is around, else the deepest heading outside other parts. */
  owner: MarkNode | undefined;
}

/** Labels in lists and running text count only where no heading has announced the part around them. */
function withoutInner(marks: readonly Mark[]): Mark[] {
  let heading: Mark | undefined;
  return marks.filter((mark) => {
    if (mark.level <= 7) {
      heading = mark.feature || mark.kind || mark.level <= (heading?.level ?? 9) ? mark : heading;
      return true;
    }
    const strong = mark.level < 8;
    return mark.feature !== undefined || strong || heading?.kind === undefined;
  });
}

/** The tree of a plan's marks, in order; the first stands for the whole text. */
export function nest(all: readonly Mark[], length: number): MarkNode[] {
  const marks = withoutInner(all);
  const root: MarkNode = { mark: ROOT, end: length, owner: undefined };
  let open: MarkNode[] = [root];
  const nodes = [root];
  for (const mark of marks) {
    for (const node of open)
      if (node !== root && node.mark.level >= mark.level) node.end = Math.min(node.end, mark.start);
    open = open.filter((node) => node === root || (node.mark.level < mark.level && node.end > mark.start));
    const feature = open.findLast((node) => node.mark.feature);
    const firstPart = open.findIndex((node) => node.mark.kind);
    const headings = firstPart < 0 ? open : open.slice(0, firstPart);
    const node = { mark, end: Math.min(length, mark.limit), owner: feature ?? headings.at(-1) ?? root };
    nodes.push(node);
    open.push(node);
  }
  return nodes;
}

const ROOT: Mark = {
  level: 0,
  title: "",
  kind: undefined,
  feature: undefined,
  line: 1,
  start: 0,
  body: 0,
  limit: Number.POSITIVE_INFINITY,
};

/** The marks that are features: those that say so, of the best kind there is, else the headings that own parts. */
export function chooseFeatures(nodes: readonly MarkNode[]): MarkNode[] {
  const named = nodes.filter((node) => node.mark.feature);
  const rank = Math.min(...named.map((node) => node.mark.feature?.rank ?? 2));
  const ranked = named.filter((node) => node.mark.feature?.rank === rank);
  const outer = ranked.filter((node) => !ranked.some((other) => other !== node && inside(node, other)));
  if (outer.length > 0) return outer;
  const owners = nodes.filter((node) =>
    nodes.some(({ mark, owner }) => owner === node && mark.kind && MAKES_FEATURE.includes(mark.kind)),
  );
  return owners.filter((node) => !owners.some((other) => other !== node && inside(other, node)));
}

/** Whether a mark stands within another. */
export function inside(inner: MarkNode, outer: MarkNode): boolean {
  return inner !== outer && inner.mark.start >= outer.mark.start && inner.mark.start < outer.end;
}
