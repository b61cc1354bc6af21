import { readLabel } from "./text/headings.ts";

/** What a part of an exec plan is. The last five say which files the feature may touch, and how. */
export const PLAN_KINDS = [
  "userStory",
  "specification",
  "deliverableStandard",
  "testScenarios",
  "checklist",
  "authorityReferences",
  "prerequisites",
  "files",
  "inspect",
  "forbid",
  "constraints",
  "validation",
] as const;
export type PlanKind = (typeof PLAN_KINDS)[number];

/** The names that plans give these parts, without numbering, marks and remarks in parentheses. */
const NAMES: readonly [PlanKind, RegExp][] = [
  [
    "userStory",
    /^(the )?(user )?stor(y|ies)$|^(user )?(need|value)s?$|^(goal|objective|purpose|motivation)s?$/,
  ],
  [
    "deliverableStandard",
    /^(deliver(y|able)s?)( standards?| criteria)?$|^acceptance( criteria| tests?| standards?)?$|^definition of done$|^dod$|^done when$|^(exit|success|completion) criteria$|^quality (bar|gates?|standards?)$|^standards?$/,
  ],
  [
    "validation",
    /^validation( commands?| steps?)?$|^(tests? ?\/ ?)?validation$|^validate with$|^commands? to (run|validate)$|^verification commands?$/,
  ],
  [
    "testScenarios",
    /^(unit |integration |manual |e2e )?test(s|ing)?( (scenarios?|cases?|plan|strategy|matrix))?$|^scenarios?$|^verification( scenarios?| plan)?$|^use cases?$|^edge cases?$/,
  ],
  [
    "checklist",
    /^(implementation |feature |task |delivery |acceptance |completion )?check ?lists?( items?)?$|^(task|to ?do|work)s? (items?|list)$|^to ?dos?$|^to-dos?$|^tasks?$|^(action|work) items?$|^progress$|^steps?$/,
  ],
  [
    "authorityReferences",
    /^(authority|authoritative|normative)( references?| sources?| docs?| documents?| links?)?$|^references?( documents?| docs?)?$|^(source|sources)( of truth)?$|^related (docs|documents|documentation|reading)$|^documentation$|^docs$|^links?$|^see also$/,
  ],
  [
    "prerequisites",
    /^prerequisites?( dependencies)?$|^pre-requisites?$|^dependenc(y|ies)$|^depends( on)?$|^blocked by$|^requires$|^preconditions?$/,
  ],
  [
    "specification",
    /^(the )?(functional |technical |feature |detailed )?(specs?|specifications?|requirements?|descriptions?|details?|behaviou?rs?|design)$|^(required |expected |desired )(changes?|behaviou?rs?)$|^what to (build|do)$|^scope of work$|^implementation( notes?| details?)?$/,
  ],
  ["constraints", /^(technical )?constraints?$|^rules$|^restrictions?$/],
  ["files", /^(file )?scope$|^files?$|^(target|affected|touched) (files?|paths?)$/],
];

/** @returns what a heading or label announces, or undefined for words that announce nothing */
export function kindOf(label: string): PlanKind | undefined {
  const words = plainWords(label);
  if (words === "" || words.length > 80) return undefined;
  const named = NAMES.find(([, shape]) => shape.test(words));
  if (named) return named[0];
  const read = readLabel(label, true);
  if (read?.kind === "files") return read.weak ? undefined : "files";
  if (read?.kind === "forbid") return "forbid";
  return read?.kind === "inspect" && !read.weak ? "inspect" : undefined;
}

/** A heading that says that it is a feature. */
export interface FeatureName {
  /** Features go before stories, and stories before the rest, where a plan has several kinds. */
  rank: 0 | 1 | 2;
  id: string | undefined;
  title: string;
}

/** "Feature 2: Cart", "F2 - Cart", "[F2] Cart", "User story 3: ...", "Milestone 1". */
export function featureName(heading: string): FeatureName | undefined {
  const text = stripMarks(heading).replace(/^(?:step \d+|\d+(?:\.\d+)*[.)])\s+/i, "");
  const bare = /^\[?((?:f|feat|feature|us)-?\d{1,4}(?:\.\d+)*[a-z]?)\]?(?:\s*[:.)–—-]\s*|\s+|$)(.*)$/i.exec(
    text,
  );
  if (bare) return { rank: /^us/i.test(bare[1] ?? "") ? 1 : 0, id: bare[1], title: bare[2] || text };
  const named =
    /^(feature|user story|story|epic|milestone|task|work item|increment|slice|phase)s?\s*(?:#?\s*([a-z]{0,6}-?\d[\w.]{0,12}|[a-z](?=\s*[:.)–—-]|$)))?(?:\s*[:.)–—-]\s*|\s*$)(.*)$/i.exec(
      text,
    );
  if (!named) return undefined;
  const [, word = "", id, title = ""] = named;
  const noun = word.toLowerCase();
  // "Tasks", "User story: As a ..." and "Features" announce a part or a group, not a feature.
  if (id === undefined && (noun !== "feature" || title === "")) return undefined;
  return { rank: noun === "feature" ? 0 : /story/.test(noun) ? 1 : 2, id, title: title || text };
}

/** Text of a heading without emphasis, code marks, pictures and a colon at its end. */
export function stripMarks(text: string): string {
  return text
    .replace(/[*`~]+|__/g, "")
    .replace(/\p{Extended_Pictographic}\uFE0F?/gu, "")
    .replace(/\s+/g, " ")
    .replace(/[\s:：]+$/, "")
    .trim();
}

function plainWords(label: string): string {
  return stripMarks(label)
    .toLowerCase()
    .replace(/^(?:\d+(?:\.\d+)*[.)]?|[a-h][.)]|[ivx]+[.)])\s+/, "")
    .replace(/\s*\([^()]*\)$/, "")
    .replace(/[’‘]/g, "'")
    .replace(/[:.]+$/, "")
    .trim();
}
