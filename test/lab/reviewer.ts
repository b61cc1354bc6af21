import { call, type ModelRequest, type Script, type Step, text } from "./script.ts";

/** What a scripted reviewer answers, by the number of its answer. */
export type Verdict = "PASS" | "NOTES" | "FAIL" | "prose";

const FINDING = {
  file: "src/cart.js",
  line: 1,
  claim: "discount() is wrong",
  evidence: "discount(200) gives 200",
};

export function reviewOf(verdict: Verdict): string {
  if (verdict === "prose") return "I had a look, and it seems fine to me. PASS!";
  const severity = verdict === "FAIL" ? "High" : "Low";
  const findings = verdict === "PASS" ? [] : [{ ...FINDING, severity }];
  return `Here is my review.\n\n\`\`\`json\n${JSON.stringify({ findings })}\n\`\`\``;
}

export interface Roles {
  /** What the generator does with each of its prompts. */
  generate: (round: number, request: ModelRequest) => Step[];
  /** What the reviewer says to its evaluations, in order; then PASS. */
  evaluations: Verdict[];
  /** What `handrail review` is told, in order; then PASS. */
  advisories: Verdict[];
}

/** The executor's side of a task iteration: who is asked shows in the prompt, how often it was asked is counted. */
export function rolesScript(roles: Roles): Script {
  const asked = { generate: new Set<string>(), evaluate: new Set<string>(), advise: new Set<string>() };
  // The same prompt is asked again for each step of its turn, and grows no longer conversation meanwhile.
  const nth = (set: Set<string>, request: ModelRequest) => {
    const users = request.messages.filter((message) => message.role === "user").length;
    const key = `${request.messages[1]?.text.slice(0, 40)}|${users}|${request.userText}`;
    set.add(key);
    return [...set].indexOf(key);
  };
  return (request) => {
    const said = request.userText;
    if (/You review a change|of the diff:|Your answer could not be read/.test(said))
      return [text(reviewOf(roles.advisories[nth(asked.advise, request)] ?? "PASS"))];
    if (/You evaluate the implementation|Evaluate the feature|last gate before/.test(said))
      return [text(reviewOf(roles.evaluations[nth(asked.evaluate, request)] ?? "PASS"))];
    if (/You implement one feature|Fix round/.test(said))
      return roles.generate(nth(asked.generate, request), request);
    return [text("Understood.")];
  };
}

/** A generator that writes its file, and tries once to write another. */
export function writesCart(round: number): Step[] {
  return [
    call("write", { filePath: "src/cart.js", content: `export const round = ${round};\n` }),
    ...(round === 0 ? [call("write", { filePath: "docs/plan.md", content: "mine now\n" })] : []),
    text(`Done, round ${round}.`),
  ];
}

/** An exec plan with two features. */
export const TWO_FEATURES = `# Shop

## Feature 1: Cart discount

### User story

As a shopper I want a discount.

### Specification

discount(total) takes 10 % off above 100.

### Deliverable standard

All scenarios pass.

### Test scenarios

- 200 gives 180

### Files to modify

- src/cart.js

### Checklist

- [ ] discount() written
- [ ] scenarios tested

## Feature 2: Receipt

**User story:** As a shopper I want a receipt.

**Specification:** receipt(cart) prints one line an item.

**Test scenarios:** an empty cart prints nothing.

### Checklist

- [ ] receipt() written

## Deliverable standard

Reviewed and tested.

## Authority references

- docs/pricing.md
`;

export const SHOP: Record<string, string> = {
  "docs/plan.md": TWO_FEATURES,
  "docs/pricing.md": "10 % above 100\n",
  "src/cart.js": "export {};\n",
  "package.json": '{"name":"shop","version":"1.0.0","type":"module"}\n',
};
