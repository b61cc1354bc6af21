import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { advance, type IterationEvent } from "../../../shared/iteration/machine.ts";
import { nextStep } from "../../../shared/iteration/next.ts";
import { type Iteration, isOver, iterationSchema } from "../../../shared/iteration/state.ts";
import type { Finding } from "../../../shared/review/findings.ts";

const bad: Finding = { severity: "High", file: "a.ts", line: 1, claim: "wrong", evidence: "seen" };
const note: Finding = { ...bad, severity: "Low" };
const FAIL = { classification: "FAIL", findings: [bad] } as const;
const PASS = { classification: "PASS", findings: [] } as const;
const NOTES = { classification: "PASS_WITH_NOTES", findings: [note] } as const;
const UNREAD = { classification: "unclassified", findings: [] } as const;

const begin = (max = 3): Iteration => ({
  schema: 1,
  plan: "docs/plan.md",
  feature: "cart",
  title: "Cart",
  task: "plan-cart",
  directory: "/repo",
  base_ref: "a".repeat(40),
  max_fix_rounds: max,
  phase: "parse",
  round: 0,
  after_fix: "evaluate",
  advisory_fixed: false,
  evaluations: [],
  advisories: [],
  accepted: [],
  history: [],
  created: "2026-11-21T00:00:00Z",
});

const evaluation = (judged: typeof FAIL | typeof PASS | typeof NOTES | typeof UNREAD): IterationEvent => ({
  type: "evaluation",
  classification: judged.classification,
  findings: [...judged.findings],
});
const advisory = (judged: typeof FAIL | typeof PASS | typeof NOTES | typeof UNREAD): IterationEvent =>
  ({
    ...evaluation(judged),
    type: "advisory",
  }) as IterationEvent;

const OPENING: IterationEvent[] = [
  { type: "feature-confirmed" },
  { type: "plan-approved", plan_text: "p", scope_text: "Files to modify:\n- a.ts" },
  { type: "session", role: "generator", session_id: "ses_g" },
  { type: "generated" },
  { type: "session", role: "reviewer", session_id: "ses_r" },
];
const reached = (events: IterationEvent[], state = begin()): Iteration =>
  events.reduce((now, event, index) => iterationSchema.parse(advance(now, event, `t${index}`)), state);
const phases = (events: IterationEvent[], state = begin()) =>
  reached(events, state).history.map(({ phase }) => phase);

describe("the seven phases", () => {
  test("a clean pass leaves the loop at once", () => {
    const all = [...OPENING, evaluation(PASS), advisory(PASS), { type: "finished" } as const];
    expect(phases(all)).toEqual([
      "plan",
      "generate",
      "generate",
      "evaluate",
      "evaluate",
      "advisory",
      "done",
      "finished",
    ]);
    expect(reached(all)).toMatchObject({
      round: 0,
      generator: { session_id: "ses_g" },
      reviewer: { session_id: "ses_r" },
    });
    expect(isOver(reached(all))).toBe(true);
  });

  test("notes pass, too", () => {
    expect(reached([...OPENING, evaluation(NOTES)]).phase).toBe("advisory");
    expect(reached([...OPENING, evaluation(NOTES), advisory(NOTES)]).phase).toBe("done");
  });

  test("one fix round", () => {
    const state = reached([...OPENING, evaluation(FAIL), { type: "fixed" }, evaluation(PASS)]);
    expect(state).toMatchObject({ phase: "advisory", round: 1 });
    expect(state.evaluations.map(({ round, classification }) => [round, classification])).toEqual([
      [0, "FAIL"],
      [1, "PASS"],
    ]);
  });

  test.each([0, 1, 3])("with at most %i fix rounds it escalates after them", (max) => {
    const rounds = Array.from({ length: max }, () => [evaluation(FAIL), { type: "fixed" } as const]).flat();
    const state = reached([...OPENING, ...rounds, evaluation(FAIL)], begin(max));
    expect(state).toMatchObject({ phase: "escalated", round: max });
    const { options, say } = nextStep(state);
    expect(say).toContain(`${max} fix rounds`);
    expect(options.length).toBeGreaterThanOrEqual(3);
  });

  test("escalated: the user accepts, allows one more round, or stops", () => {
    const escalated = [...OPENING, evaluation(FAIL)];
    const accepted = reached([...escalated, { type: "accepted", note: "ship" }], begin(0));
    expect(accepted).toMatchObject({ phase: "advisory", accepted: [{ note: "ship", findings: [bad] }] });
    const more = reached([...escalated, { type: "more-rounds", rounds: 1 }], begin(0));
    expect(more).toMatchObject({ phase: "fix", round: 1, max_fix_rounds: 1 });
    expect(reached([{ type: "fixed" }, evaluation(FAIL)], more).phase).toBe("escalated");
    expect(reached([...escalated, { type: "abandoned" }], begin(0)).phase).toBe("abandoned");
  });

  test("the advisory gate has one fix round and one more look, then the user", () => {
    const gate = [...OPENING, evaluation(PASS), advisory(FAIL)];
    expect(reached(gate)).toMatchObject({ phase: "fix", after_fix: "advisory", advisory_fixed: true });
    expect(reached([...gate, { type: "fixed" }, advisory(PASS)]).phase).toBe("done");
    const again = reached([...gate, { type: "fixed" }, advisory(FAIL)]);
    expect(again.phase).toBe("escalated");
    expect(nextStep(again).say).toContain("advisory");
    expect(reached([{ type: "accepted", note: "" }], again).phase).toBe("done");
    expect(reached([{ type: "more-rounds", rounds: 1 }, { type: "fixed" }], again).phase).toBe("advisory");
  });

  test("what cannot be read is asked for once more, and never passes", () => {
    const once = reached([...OPENING, evaluation(UNREAD)]);
    expect(once.phase).toBe("evaluate");
    expect(nextStep(once).commands.join("\n")).toContain("session continue ses_r");
    expect(reached([evaluation(UNREAD)], once).phase).toBe("escalated");
    expect(reached([evaluation(PASS)], once).phase).toBe("advisory");
    const gate = [...OPENING, evaluation(PASS)];
    expect(reached([...gate, advisory(UNREAD)]).phase).toBe("advisory");
    const twice = reached([...gate, advisory(UNREAD), advisory(UNREAD)]);
    expect(twice.phase).toBe("escalated");
    expect(reached([{ type: "more-rounds", rounds: 1 }], twice).phase).toBe("advisory");
  });
});

describe("what does not fit is refused, and its twin is not", () => {
  const refused = (events: IterationEvent[], last: IterationEvent) => () => reached([...events, last]);
  test("a phase is not skipped", () => {
    expect(refused([], { type: "generated" })).toThrow(/phase parse/);
    expect(refused([{ type: "feature-confirmed" }], { type: "generated" })).toThrow(/phase plan/);
    expect(refused(OPENING, advisory(PASS))).toThrow(/phase evaluate/);
    expect(refused(OPENING, { type: "finished" })).toThrow(/phase evaluate/);
    expect(refused([...OPENING, evaluation(PASS)], { type: "fixed" })).toThrow(/phase advisory/);
  });
  test("work without a session on record is not over", () => {
    expect(refused(OPENING.slice(0, 2), { type: "generated" })).toThrow(/generator's session/);
    expect(refused(OPENING.slice(0, 4), evaluation(PASS))).toThrow(/reviewer's session/);
  });
  test("the reviewer is not the generator, and comes after it", () => {
    const same: IterationEvent = { type: "session", role: "reviewer", session_id: "ses_g" };
    expect(refused(OPENING.slice(0, 4), same)).toThrow(/independent/);
    expect(refused(OPENING.slice(0, 3), { ...same, session_id: "ses_r" })).toThrow(/evaluate/);
    expect(reached(OPENING).reviewer?.session_id).toBe("ses_r");
  });
  test("one session does all rounds, unless it is lost", () => {
    const other: IterationEvent = { type: "session", role: "generator", session_id: "ses_2" };
    const fix = [...OPENING, evaluation(FAIL)];
    expect(refused(fix, other)).toThrow(/ses_g already/);
    expect(reached([...fix, { type: "lost", role: "generator" }, other]).generator?.session_id).toBe("ses_2");
  });
  test("a job first, its session later", () => {
    const job = reached([...OPENING.slice(0, 2), { type: "session", role: "generator", job_id: "j1" }]);
    expect(job.generator).toMatchObject({ job_id: "j1", mode: "background" });
    expect(nextStep(job).commands).toContain("handrail job status j1");
    expect(() => reached([{ type: "generated" }], job)).toThrow(/session is not on record/);
    const known = reached([{ type: "session", role: "generator", session_id: "ses_g" }], job);
    expect(known.generator).toMatchObject({ job_id: "j1", session_id: "ses_g", mode: "background" });
    expect(reached([...OPENING.slice(0, 3)]).generator?.mode).toBe("foreground");
  });
});

describe("what comes next", () => {
  const commands = (state: Iteration, live = {}) => nextStep(state, live).commands.join("\n");
  test("new, then its own session again; attach where the turn has been asked for", () => {
    const generate = reached(OPENING.slice(0, 2));
    expect(commands(generate)).toContain("session new --directory /repo --timeout 60");
    expect(commands(generate)).toContain("plan prompt initial-implementation");
    expect(commands(reached(OPENING.slice(0, 3)))).toContain(
      "session attach ses_g --directory /repo --timeout 5",
    );
    expect(commands(reached(OPENING))).toContain("session attach ses_r");
    const fix = reached([...OPENING, evaluation(FAIL)]);
    expect(commands(fix)).toContain("session continue ses_g");
    expect(commands(fix)).toContain("plan prompt fix-iteration");
    expect(commands(fix, { generator: "working" })).toContain("session attach ses_g");
    const again = reached([{ type: "fixed" }], fix);
    expect(commands(again)).toContain("session continue ses_r");
    expect(commands(again)).toContain("plan prompt re-evaluation");
    expect(commands(again, { reviewer: "answered" })).not.toContain("continue");
    const lost = reached([{ type: "lost", role: "generator" }], fix);
    expect(commands(lost)).toContain("session new");
    expect(nextStep(lost).say).toContain("lost");
  });
  test("the review of everything since the base", () => {
    const gate = reached([...OPENING, evaluation(PASS)]);
    expect(commands(gate)).toContain(
      `review --directory /repo --adversarial --scope branch --base ${"a".repeat(40)} --wait`,
    );
  });
  test("folders with spaces are quoted", () => {
    expect(commands({ ...reached(OPENING.slice(0, 2)), directory: "/my repo" })).toContain(
      "--directory '/my repo'",
    );
  });
});

test("whatever happens, the loop is bounded and a pass needs a judgement", () => {
  const judged = fc.constantFrom(FAIL, PASS, NOTES, UNREAD);
  const event: fc.Arbitrary<IterationEvent> = fc.oneof(
    judged.map(evaluation),
    judged.map(advisory),
    fc.constantFrom<IterationEvent>(
      ...OPENING,
      { type: "fixed" },
      { type: "finished" },
      { type: "lost", role: "generator" },
      { type: "lost", role: "reviewer" },
    ),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 0, max: 4 }), (events, max) => {
      let state = begin(max);
      for (const one of events) {
        try {
          state = iterationSchema.parse(advance(state, one, "t"));
        } catch {
          continue; // refused: nothing has changed
        }
        nextStep(state);
      }
      // The rounds of the loop, and one more for the advisory gate.
      expect(state.round).toBeLessThanOrEqual(max + 1);
      if (state.phase === "done" || state.phase === "finished") {
        expect(["PASS", "PASS_WITH_NOTES"]).toContain(state.advisories.at(-1)?.classification);
        expect(["PASS", "PASS_WITH_NOTES"]).toContain(state.evaluations.at(-1)?.classification);
      }
    }),
    { numRuns: 500 },
  );
});
