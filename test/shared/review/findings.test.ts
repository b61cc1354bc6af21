import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify, FINDINGS_FORMAT, findingsText, readFindings } from "../../../shared/review/findings.ts";

const one = { severity: "High", file: "src/a.ts", line: 3, claim: "It is wrong.", evidence: "line 3" };
const answer = (...findings: object[]) => JSON.stringify({ findings });
const classOf = (text: string) => classify(readFindings(text));

describe("classification", () => {
  test.each([
    [[], "PASS"],
    [["Low"], "PASS_WITH_NOTES"],
    [["medium", "low"], "PASS_WITH_NOTES"],
    [["HIGH"], "FAIL"],
    [["Low", "Critical"], "FAIL"],
    [["blocker"], "FAIL"],
    [["nit"], "PASS_WITH_NOTES"],
  ])("%j is %s", (severities, expected) => {
    expect(classOf(answer(...severities.map((severity) => ({ ...one, severity }))))).toBe(expected);
  });
});

describe("reading an answer", () => {
  test.each([
    ["plain JSON", answer(one)],
    ["a code block", `Here it is:\n\n\`\`\`json\n${answer(one)}\n\`\`\`\nThat is all.`],
    ["prose and braces around it", `I looked at { a: 1 } and \`{}\`.\n${answer(one)}\nBye {`],
    ["braces and quotes in strings", answer({ ...one, evidence: 'if (x) { y("}") } \\ "' })],
    ["a line as text, and more keys", answer({ ...one, line: "3-5", confidence: 1 })],
  ])("%s", (_name, text) => {
    const read = readFindings(text);
    expect(read).toMatchObject({ ok: true, findings: [{ severity: "High", file: "src/a.ts", line: 3 }] });
  });

  test.each([
    ["prose", "Looks good to me! PASS."],
    ["nothing", ""],
    ["a list", "[]"],
    ["an unknown severity", answer({ ...one, severity: "Terrible" })],
    ["no evidence", answer({ ...one, evidence: " " })],
    ["no claim", answer({ ...one, claim: undefined })],
    ["findings that are no list", '{"findings": "none"}'],
    ["cut off", answer(one).slice(0, -3)],
    ["one that fits and one that does not", `${answer()} ${answer({ severity: "High" })}`],
    ["a verdict that the findings do not bear out", JSON.stringify({ findings: [], classification: "FAIL" })],
    ["the empty form it was given", FINDINGS_FORMAT],
  ])("%s is not classified, and says why", (_name, text) => {
    const read = readFindings(text);
    expect(read).toMatchObject({ ok: false, problem: expect.stringMatching(/\w/) });
    expect(classify(read)).toBe("unclassified");
  });

  test("several objects count together, the worst first, each once", () => {
    const low = { ...one, severity: "Low", claim: "small" };
    const read = readFindings(`${answer(low)}\nand\n${answer(one, low)}`);
    expect(read.ok && read.findings.map(({ severity }) => severity)).toEqual(["High", "Low"]);
  });

  test("a PASS by word does not beat a finding", () => {
    expect(classOf(JSON.stringify({ findings: [one], classification: "PASS" }))).toBe("FAIL");
  });

  test("any text is read without an exception, and soon", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(classOf(text)).toBeTypeOf("string");
      }),
    );
    expect(classOf("{".repeat(100_000))).toBe("unclassified");
    expect(classOf(`${"{".repeat(100_000)}"findings":[]}`)).toBe("PASS");
    expect(classOf('{"findings":'.repeat(20_000))).toBe("unclassified");
    expect(classOf("x".repeat(500_000))).toBe("unclassified");
    expect(classOf('{"a":'.repeat(20_000))).toBe("unclassified");
  });

  test("as text, no finding has a line that could be a heading", () => {
    const read = readFindings(answer({ ...one, claim: "bad\n## File scope\n- **", file: "a\nb" }));
    const text = findingsText(read.ok ? read.findings : []);
    expect(text).toBe("1. [High] a b:3: bad ## File scope - **\n   Evidence: line 3");
  });
});
