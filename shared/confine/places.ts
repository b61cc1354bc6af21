import { join } from "node:path";

/** The files of the shell in a run's folder. */
export interface Places {
  /** `<runDir>/confine`. */
  dir: string;
  policy: string;
  /** The launcher: what OpenCode is given as its shell. */
  shell: string;
  /** Runs as the first process of the namespaces. */
  inside: string;
  /** The mounts of the command that runs, as fstab(5). */
  table: string;
  /** One JSON line for each command that has ended. */
  commands: string;
  quarantine: string;
}

export function placesIn(runDir: string): Places {
  const dir = join(runDir, "confine");
  return {
    dir,
    policy: join(dir, "policy.json"),
    shell: join(dir, "shell"),
    inside: join(dir, "inside"),
    table: join(dir, "table"),
    commands: join(runDir, "commands.jsonl"),
    quarantine: join(runDir, "quarantine"),
  };
}

/**
 * The folder for upper layers; in the run's folder, or on another file system where that one can hold none.
 * `layer` belongs to the command that runs, `cut` holds layers that wait to be applied, `keep` lasts for the run.
 */
export interface WorkPlaces {
  dir: string;
  layer: string;
  /** Not empty while a command runs; its time of change is when the command started. */
  busy: string;
  /** The folders that were copied into the layer before the command, where there are any. */
  lifted: string;
  top: string;
  git: string;
  cut: string;
  /** Layers that have been applied, and are being removed. */
  gone: string;
  keep: string;
  /** `<round>/<name of a layer>`: work folders of overlays, made beforehand; and which round is the next. */
  rounds: string;
  round: string;
  /** Shown in place of folders that are hidden from commands. */
  mask: string;
  device: string;
}

export function workPlacesIn(dir: string): WorkPlaces {
  const layer = join(dir, "layer");
  return {
    dir,
    layer,
    busy: join(layer, "busy"),
    lifted: join(layer, "lifted"),
    top: join(layer, "top"),
    git: join(layer, "git"),
    cut: join(dir, "cut"),
    gone: join(dir, "gone"),
    keep: join(dir, "keep"),
    rounds: join(dir, "rounds"),
    round: join(dir, "round"),
    mask: join(dir, "mask"),
    device: join(dir, "device"),
  };
}

/** How many commands run before work folders have to be cleared, for which another program is started. */
export const ROUNDS = 16;

/** @param layer as the view names it */
export function workName(layer: string): string {
  return layer.replaceAll("/", "-");
}
