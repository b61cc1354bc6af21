import type { Item } from "../text/items.ts";

type Leave = "may-stage" | "may-commit";

/** Words that say when, or only lead up to what is told. */
const lead =
  "^(?:(?:please|then|finally|afterwards|also|and|lastly|at the end|when (?:done|finished)|(?:when|once|after|as soon as) (?:the work|everything|it|all (?:the )?tests|(?:the )?tests|(?:the )?checks|you)(?: is| are| all)? (?:pass|passes|passed|done|finished|complete|green|works|finish)),? )*";
const may =
  "(?:you|it|opencode|the agent|the executor|the model)? ?(?:may|can|should|must|are allowed to|is allowed to|are permitted to|are free to)(?: also| then)?";
const freely = "(?:feel free to|go ahead and|(?:it is|it's) (?:ok|okay|fine|allowed|alright|all right) to)";
const things =
  "(?:the |all |your |these |any |its )*(?:result|results|changes?|work|patch|diff|fix|edits|(?:changed |modified )?files(?: you (?:changed|modified))?|everything)";
/** What follows a word that is told without "may": what is committed, when, or with which message. */
const told = `(?: ${things}\\b| when | once | after | with (?:the |a )?(?:commit )?message| as (?:one|a single|soon|["“'\`])| in (?:one|a single)| at the end)`;
const oneCommit =
  "(?:make|create|add|finish with|end with) (?:a|one|a single|separate|small) (?:git )?commits?(?=$|,| (?:with|when|once|for|per|at|after|named|titled|called|of))";

/** Sentences about other things that are committed or staged, or that hold under a condition only. */
const elsewhere =
  /\b(transactions?|offsets?|cursors?|batch|session|database|db|sql|rows?|queue|messages? (is|are)|hooks?|rollout|canary)\b/;
const negated = /\b(not|never|don't|without|no|unless|if|cannot|only|ask|before)\b|n't\b/;

const shapes: { leave: Leave[]; shape: RegExp }[] = [];
for (const [word, leave] of [
  ["commit", "may-commit"],
  ["(?:stage|git add)", "may-stage"],
] as const) {
  const both = "(?:stage (?:and|or|and\\/or) commit|commit (?:and|or) stage)";
  const act = `(?:git )?${word}(?: and push)?`;
  shapes.push(
    { leave: [leave], shape: new RegExp(`${lead}(?:${may}|${freely}) ${act}\\b`) },
    { leave: [leave], shape: new RegExp(`${lead}(?:run )?${act}${told}`) },
    // "When the tests pass, commit": not the word alone.
    { leave: [leave], shape: new RegExp(`${lead.replace(/\*$/, "+")}${act}$`) },
    {
      leave: ["may-commit", "may-stage"],
      shape: new RegExp(`${lead}(?:(?:${may}|${freely}) ${both}\\b|${both}${told})`),
    },
  );
}
shapes.push(
  { leave: ["may-commit"], shape: new RegExp(`${lead}(?:${may} |${freely} )?${oneCommit}`) },
  {
    leave: ["may-commit"],
    shape: /^(?:git )?(?:commits?|committing) (?:are|is) (?:allowed|permitted|fine|ok|okay)\b/,
  },
  { leave: ["may-stage"], shape: /^(?:staging|git add) is (?:allowed|permitted|fine|ok|okay)\b/ },
  {
    leave: ["may-stage", "may-commit"],
    shape:
      /^(?:git add and (?:git )?commit|staging and committing) (?:are|is) (?:allowed|permitted|fine|ok|okay)\b/,
  },
  { leave: ["may-commit"], shape: /^may-commit$/ },
  { leave: ["may-stage"], shape: /^may-stage$/ },
);

/**
 * Whether an item gives leave to stage or to commit: "You may commit", "Commit the result when tests pass".
 * Only what says so outright counts: a sentence with a negation or a condition gives none.
 */
export function readPermissions(item: Item): Leave[] {
  const found = new Set<Leave>();
  const plain = item.text.toLowerCase().replace(/[*_`]/g, "").replace(/[’‘]/g, "'");
  for (const sentence of plain.split(
    /[.;!](?:\s|$)|,? but (?=(?:please |you )?(?:do not|don't|never|must not|not)\b)|, (?=(?:committing|but|staging|not)\b)/,
  )) {
    if (sentence.length > 400 || elsewhere.test(sentence)) continue;
    const clauses = sentence.split(
      /,? (?:and then|then|and) (?=(?:please )?(?:run )?(?:git (?:commit|add)|commit|stage)\b)/,
    );
    for (const clause of [sentence, ...clauses]) {
      const text = clause.trim();
      if (negated.test(text)) continue;
      for (const { leave, shape } of shapes) if (shape.test(text)) for (const one of leave) found.add(one);
    }
  }
  return [...found];
}
