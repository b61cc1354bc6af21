import type { PluginInput } from "@opencode-ai/plugin";
import { isAlive } from "../shared/run/process.ts";
import { lastUse, readEntry } from "../shared/serve/entry.ts";
import { IDLE_VARIABLE, ROOT_VARIABLE } from "../shared/serve/environment.ts";

/** How often it is looked after, at most, in milliseconds. */
const LOOK_MS = 60_000;

/**
 * Ends a server that Handrail has started once nobody has used it for a while: no session works, nothing was
 * heard of any, and no companion waits for one. Nobody else is there to do it, least of all for a server that is
 * on record no more (the state folder was removed, or its file could not be read), or whose starter was killed; a
 * person's own server stays.
 */
export class IdleWatch {
  #heard = Date.now();
  readonly #timer: NodeJS.Timeout | undefined;

  /**
   * @param root real path of the working tree
   * @param env where whoever started the server says how long
   * @param closing whether a turn is being closed: its validation commands may take longer than that
   */
  constructor(root: string, client: PluginInput["client"], env: NodeJS.ProcessEnv, closing: () => boolean) {
    const idle = Number(env[IDLE_VARIABLE] || Number.NaN);
    if (!(idle > 0) || env[ROOT_VARIABLE] !== root) return;
    this.#timer = setInterval(
      () => {
        if (closing()) this.hear();
        this.#look(root, client, idle).catch(() => undefined); // asked again soon
      },
      Math.min(LOOK_MS, idle / 2),
    );
    this.#timer.unref();
  }

  /** OpenCode has said something of a session. */
  hear(): void {
    this.#heard = Date.now();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #look(root: string, client: PluginInput["client"], idle: number): Promise<void> {
    const entry = readEntry(root);
    if (entry?.state === "starting" && entry.starter && isAlive(entry.starter)) return;
    const used = entry?.process?.pid === process.pid ? (lastUse(root) ?? 0) : 0;
    if (Date.now() - Math.max(this.#heard, used) < idle) return;
    const { data } = await client.session.status();
    const works = data && Object.values(data).some((status) => status.type !== "idle");
    if (data && !works) process.kill(process.pid, "SIGTERM");
  }
}
