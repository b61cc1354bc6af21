import { HandrailError } from "../../../shared/errors.ts";

/** What a check found. `warning`: it works, or is not needed for everything; only a problem makes doctor fail. */
export interface Finding {
  status: "ok" | "warning" | "problem";
  message: string;
  /** The next step, as a command where possible. */
  fix?: string;
}

/** One thing that Handrail needs, checked by using it. */
export interface Part {
  name: string;
  check(): Promise<Finding>;
}

export function ok(message: string): Finding {
  return { status: "ok", message };
}

export function warning(message: string, fix: string): Finding {
  return { status: "warning", message, fix };
}

export function problem(message: string, fix: string): Finding {
  return { status: "problem", message, fix };
}

/** A part's finding; a check that throws has found a problem. */
export async function checked(part: Part): Promise<Finding> {
  try {
    return await part.check();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const fix = error instanceof HandrailError ? error.fix : undefined;
    return { status: "problem", message, ...(fix === undefined ? {} : { fix }) };
  }
}
