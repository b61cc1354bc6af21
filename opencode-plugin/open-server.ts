import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import * as z from "zod/mini";

const LONGEST = 1_000;
const healthSchema = z.object({ healthy: z.literal(true) });

/**
 * Whether this process lets anybody on the machine drive OpenCode: its server listens and asks for no
 * password. A command shares the network with it; terminals (`POST /pty`) and OpenCode's second API start
 * programs that no plugin sees (facts, opencode.md).
 * @returns the address, or undefined where nothing listens, where a password is asked for, and where
 *   commands are not held anyway (other systems than Linux)
 */
export async function openServer(): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  for (const address of listening()) {
    if (await answers(address)) return address;
  }
  return undefined;
}

async function answers(address: string): Promise<boolean> {
  try {
    const answer = await fetch(`${address}/global/health`, { signal: AbortSignal.timeout(LONGEST) });
    return answer.ok && healthSchema.safeParse(await answer.json()).success;
  } catch {
    return false; // not OpenCode's, or it speaks no HTTP
  }
}

/** Where this process listens. Source: proc(5), `/proc/net/tcp`; state 0A is LISTEN, the tenth field the inode. */
function listening(): string[] {
  const own = new Set(sockets());
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, "utf8")
      .split("\n")
      .flatMap((line) => {
        const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
        return state === "0A" && own.has(inode) ? addressesOf(local) : [];
      }),
  );
}

function sockets(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** `0100007F:1F90`: an IPv4 address is one number in the machine's byte order. Others are tried on loopback. */
function addressesOf(local: string): string[] {
  const [address = "", port = ""] = local.split(":");
  const bytes = address.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  const ipv4 = bytes.length === 4 ? [...bytes].reverse().join(".") : "0.0.0.0";
  const hosts = ipv4 === "0.0.0.0" ? ["127.0.0.1", "[::1]"] : [ipv4];
  return hosts.map((host) => `http://${host}:${Number.parseInt(port, 16)}`);
}
