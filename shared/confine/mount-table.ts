import { workName, workPlacesIn } from "./places.ts";
import type { Identity, Policy, View } from "./policy.ts";
import { fstab, sh } from "./text.ts";
import { opened } from "./view.ts";

export interface TableInput {
  policy: Pick<Policy, "work">;
  view: View;
  identity: Identity;
}

/** Mounts as lines of fstab(5). */
export interface MountTable {
  /** Folders that the lines reach through a descriptor: their names may be covered by then. */
  opens: { fd: number; path: string }[];
  /** The overlays, and what in them stays as it is; by depth. Words for sh. */
  layers: string[];
  /** Devices, private folders and what is hidden. */
  others: { before: string[]; after: string[] };
  /** As mountinfo writes them: what lies there or below is no longer reached. */
  covered: string[];
  /** The last mount: the table itself is read through what it covers. */
  processes: string;
}

/** Device files that every program may need; disks and the like are out of reach. */
export const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

export function mountTable({ policy, view, identity }: TableInput): MountTable {
  const opens = [{ fd: 3, path: policy.work }];
  const open = (path: string) => {
    const fd = 3 + opens.length;
    opens.push({ fd, path });
    return `/proc/self/fd/${fd}`;
  };
  const covered = opened(view.overlays.map(({ target }) => target));
  const lower = (path: string) => (covered.includes(path) ? open(path) : path);
  const layers = [
    ...view.overlays.map(({ target, layer }) => ({
      target,
      line: overlayLine(target, layer, lower(target)),
    })),
    ...view.originals.map((target) => ({
      target,
      line: sh(`${open(target)} ${fstab(target)} none bind,ro 0 0`),
    })),
  ].sort((a, b) => depth(a.target) - depth(b.target));
  const shown = view.shown.map(({ source, target }) => bind(`${policy.work}/${source}`, target));
  return {
    opens,
    layers: layers.map((one) => one.line),
    others: {
      before: [...devices(policy.work, identity), ...shown],
      after: view.hidden.map((target) => bind("/proc/self/fd/3/mask", target, "bind,ro")),
    },
    covered: [
      ...[identity.uid === 0 ? "/dev" : "/dev/shm", "/proc"],
      ...[...layers, ...view.shown].map(({ target }) => fstab(target)),
    ],
    // Root could set the machine with what is in /proc: those files are its own, in a namespace for users too.
    processes: `handrail //proc proc ${identity.uid === 0 ? "ro," : ""}nosuid,nodev,noexec 0 0`,
  };
}

/**
 * A line of fstab as words for sh, `$hr_round` being the round. `volatile`: else the end of each overlay waits until
 * all is on the disk that the machine has not yet written there. The kernel then takes a work folder once only.
 * Source: docs.kernel.org, filesystems/overlayfs, "Volatile mount".
 */
function overlayLine(target: string, layer: string, lower: string): string {
  const options = `lowerdir=${lower},upperdir=/proc/self/fd/3/${layer}/upper,userxattr,volatile`;
  const begin = `handrail ${fstab(target)} overlay ${options},workdir=/proc/self/fd/3/rounds/`;
  return `${sh(begin)}"$hr_round"${sh(`/${workName(layer)} 0 0`)}`;
}

export function depth(path: string): number {
  return path.split("/").length;
}

export function bind(source: string, target: string, options = "bind"): string {
  return `${fstab(source)} ${fstab(target)} none ${options} 0 0`;
}

function devices(folder: string, identity: Identity): string[] {
  if (identity.uid !== 0) return ["handrail /dev/shm tmpfs mode=1777,nosuid,nodev 0 0"];
  const { device } = workPlacesIn(folder);
  return [
    ...DEVICES.map((name) => bind(`/dev/${name}`, `${device}/${name}`)),
    `handrail ${fstab(device)}/pts devpts newinstance,ptmxmode=0666,mode=620,nosuid,noexec 0 0`,
    `handrail ${fstab(device)}/shm tmpfs mode=1777,nosuid,nodev 0 0`,
    bind(device, "/dev", "rbind"),
  ];
}
