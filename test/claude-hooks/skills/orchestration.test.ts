import { describe, expect, test } from "vitest";
import { skillFiles } from "../../lab/skill-files.ts";

const skills = skillFiles();
const { text: skill = "", description = "" } =
  skills.find(({ name }) => name === "opencode-orchestration") ?? {};
const [uses = "", notFor = ""] = description.split("Not for ");

/** What of docs/requirements.md only a reader of the skill can hold, and where the skill says it. */
describe("when it is used", () => {
  test.each([
    ["O16", /packet \(JSON packet, task file, plan artifacts\) that is already written and approved/],
    ["O17", /when the work is long/],
    ["O18", /JSON packet/],
    ["O19", /several coding tasks have to be coordinated/],
    ["O295", /a callback must reach its caller/],
  ])("%s", (_id, words) => expect(uses).toMatch(words));
  test.each([
    ["O20", /research/],
    ["O21", /tickets/],
    ["O22", /planning/],
    ["O23, O24, O25", /one small edit/],
  ])("not: %s", (_id, words) => expect(notFor).toMatch(words));
});

describe("what it says", () => {
  test.each([
    ["O8", /do not steer it slice by slice/],
    ["O10, O11, O12, O13, O14", /it plans nothing and closes no ticket/],
    ["O15", /This skill is the bridge between the two/],
    ["O34", /You keep what is to be done, its acceptance and its tracking/],
    ["O120", /`ESCALATION`: the run cannot decide it/],
    ["O141", /`cli`: a light or one-shot task/],
    ["O142", /nobody follows its sessions and events/],
    ["O143", /no server is to be managed/],
    ["O144, O168, O171", /`serve`: the callback to another agent matters/],
    ["O145, O147, O169, O172", /or events, sessions/],
    ["O146", /several projects side by side/],
    ["O148, O170", /several tasks on one server/],
    ["O152, O183", /Give `--model` where it matters which model works/],
    ["O178", /never put its path into the prompt/],
    [
      "O196, O197, O199",
      /Name a workflow or skill in `objective` only where it decides how the work is done/,
    ],
    ["O198, O200", /never a list of skills/],
    ["O297", /never start `opencode run` by hand for work that somebody waits for/],
    ["O32, O305", /Before anything is closed:\n\n```bash\nhandrail verify/],
    ["O300", /Say what `handoff` and the callback say, and no more/],
    ["O302", /Never deploy from here/],
  ])("%s", (_id, words) => expect(skill).toMatch(words));

  test("O134: in English, and within what a reader keeps", () => {
    expect(skill).toMatch(/^[\x20-\x7e\n]+$/);
    expect(skill.length).toBeLessThan(6_000);
  });
});

test("O189, O198: no skill shows a raw `opencode run` that binds no repository, nor forces a skill by name", () => {
  for (const { name, text } of skills) {
    expect(text, name).not.toContain("use_skill");
    // The executor's workflow has it as its text has it: there the plugin binds the session to its repository.
    if (name === "opencode-executor") continue;
    const shown = [...text.matchAll(/```bash\n(.*?)```/gs)].flatMap((block) => (block[1] ?? "").split("\n"));
    expect(
      shown.filter((line) => /\bopencode run\b/.test(line)),
      name,
    ).toEqual([]);
  }
});
