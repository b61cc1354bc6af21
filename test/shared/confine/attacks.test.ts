import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { bundle } from "../../lab/bundle.ts";
import { openBench } from "../../lab/case-run.ts";
import type { Case } from "../../lab/cases.ts";
import { closing } from "../../lab/cleanup.ts";
import { type HeldRepo, holdRepo, mechanisms } from "../../lab/held.ts";
import { processesMentioning, projectRoot, until } from "../../lab/process.ts";
import { changed, manifest } from "../../lab/repo.ts";
import type { Sandbox } from "../../lab/sandbox.ts";

// What somebody would try who wants out of a held command. Each try is free to fail or to seem to work: what
// counts is what the machine holds afterwards.

/** A home and a state folder with something to lose, and a file beside the repository. */
const LOOT: Record<string, string> = {
  "home/.bashrc": "export A=1\n",
  "home/.config/opencode/opencode.json": '{"plugin":["handrail"]}\n',
  "home/.claude/settings.json": "{}\n",
  "home/.ssh/authorized_keys": "ssh-ed25519 A\n",
  "state/projects/other/runs/r20261121T000000-aaaaaa/run.json": '{"state":"running"}\n',
  "state/projects/other/inbox/r1-t1.json": '{"verdict":"violated"}\n',
  "state/projects/other/outbox/r1-t1.json": "{}\n",
  "outside.txt": "outside\n",
};

function lay(sandbox: Sandbox): void {
  for (const [path, text] of Object.entries(LOOT)) {
    mkdirSync(dirname(join(sandbox.dir, path)), { recursive: true });
    writeFileSync(join(sandbox.dir, path), text);
  }
}

/** What must be as it was: the repository out of scope, the home, and everything of the state but the run's own doing. */
function possessions(held: HeldRepo) {
  const { dir, home, state } = held.sandbox;
  const files = Object.keys(LOOT).map((path) => [
    path,
    existsSync(join(dir, path)) ? readFileSync(join(dir, path), "utf8") : "gone",
  ]);
  const other = manifest(join(state, "projects/other"));
  return { files, home: manifest(home), other, repo: held.repo.manifest() };
}

let lib = "";
beforeAll(async () => {
  lib = await bundle(join(projectRoot, ".build/attacks"), "claude-hooks/companion/main.ts");
}, 60_000);

/** @returns a socket on which somebody outside listens, and who wrote to it */
function listen(path: string): Promise<{ server: Server; visitors: string[] }> {
  const visitors: string[] = [];
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer((socket) => {
    socket.on("error", () => undefined).on("data", (data) => visitors.push(`${path}: ${data}`));
  });
  return new Promise((resolve) => server.listen(path, () => resolve({ server, visitors })));
}

const python = (script: string) => `python3 - <<'EOF'\n${script}\nEOF`;

const knock = (path: string) =>
  `node -e 'const s = require("net").connect(process.argv[1]); s.on("connect", () => s.end("in")); s.on("error", (e) => console.log(e.code))' '${path}'`;

describe.each(mechanisms)("%s", (mechanism) => {
  const hold = async () =>
    closing(
      await holdRepo({
        mechanism,
        repo: {
          files: {
            ...{ "README.md": "# R\n", "src/a.ts": "a\n", "src/b.ts": "b\n" },
            ...{ "src/lib/x.ts": "x\n", "src/lib/sub/y.ts": "y\n", "src/other/o.ts": "o\n" },
          },
        },
        arrange(_, sandbox) {
          lay(sandbox);
          return undefined;
        },
      }),
    );

  test("by mounts, namespaces, devices, processes and descriptors: nothing outside changes", async () => {
    const held = await hold();
    const { dir, home, state } = held.sandbox;
    const root = held.repo.root;
    const before = possessions(held);
    const bystander = process.pid;
    const tries = [
      `rm -rf ${home}/.bashrc ${home}/.ssh; echo x > ${home}/.claude/settings.json; echo evil >> ${home}/.config/opencode/opencode.json`,
      `echo x > ${dir}/outside.txt; rm -f ${dir}/outside.txt; mv ${dir}/outside.txt ${dir}/moved`,
      `echo x > ${state}/projects/other/runs/r20261121T000000-aaaaaa/run.json; rm -rf ${state}; mv ${state} ${state}2`,
      `umount ${state}; umount -l ${state}; umount -l ${root}; echo x > ${root}/src/b.ts`,
      `unshare -Urm sh -c 'umount -l ${state}; umount -l ${root}; mount -o remount,rw,bind /; echo x > ${state}/projects/other/inbox/r1-t1.json; echo x > ${root}/src/b.ts; echo x > ${dir}/outside.txt'`,
      `unshare -m sh -c 'umount -l ${state}; umount -l ${root}; echo x > ${root}/src/b.ts; echo x > ${dir}/outside.txt'`,
      `unshare -Urm sh -c 'mkdir -p /tmp/m && mount --rbind / /tmp/m && echo x > /tmp/m${dir}/outside.txt; mount -t overlay o -o lowerdir=${root},upperdir=/tmp/u,workdir=/tmp/w ${root}'`,
      `mount -o remount,rw / ; mount -o remount,rw,bind / ; mount --make-rprivate / ; echo x > ${dir}/outside.txt`,
      `mount -o bind ${home} /mnt; mount -t tmpfs t ${root}; mount -t proc p /mnt`,
      `nsenter -t 1 -m sh -c 'echo x > ${root}/src/b.ts'; nsenter -t ${bystander} -a sh -c 'echo x > ${root}/src/b.ts'`,
      `for p in /proc/[0-9]*; do echo x > $p/root${dir}/outside.txt; echo x > $p/cwd/src/b.ts; echo x > $p/root${state}/projects/other/outbox/r1-t1.json; done`,
      `for f in /proc/self/fd/* /proc/1/fd/*; do echo x > $f/src/b.ts; echo x > $f/../outside.txt; ls -d $f/layer && echo x > $f/layer/busy; done`,
      `chroot /proc/1/root sh -c 'echo x > ${dir}/outside.txt'; chroot ${dir} /bin/true`,
      `ln ${dir}/outside.txt src/lib/hard; ln ${root}/src/b.ts src/lib/hard2 && echo x >> src/lib/hard2`,
      `python3 - <<'EOF'
import os, ctypes
for flags in (os.O_RDWR, os.O_PATH):
    try:
        fd = os.open("${root}/src/b.ts", flags)
        os.write(os.open("/proc/self/fd/%d" % fd, os.O_WRONLY | os.O_TRUNC), b"x")
    except OSError as error: print(error)
libc = ctypes.CDLL(None, use_errno=True)
handle = ctypes.create_string_buffer(144); handle[0:4] = (128).to_bytes(4, "little")
mount = ctypes.c_int()
print(libc.name_to_handle_at(-100, b"${dir}/outside.txt", handle, ctypes.byref(mount), 0))
for name in (b"/", b"${dir}"):
    try:
        base = os.open(name, os.O_RDONLY)
        got = libc.open_by_handle_at(base, handle, os.O_WRONLY | os.O_TRUNC)
        print(got, ctypes.get_errno())
        if got >= 0: os.write(got, b"x")
    except OSError as error: print(error)
EOF`,
      `mknod src/lib/disk b 8 0; mknod /tmp/disk b 8 0; mknod /dev/disk0 b 259 0; for d in /dev/sd* /dev/vd* /dev/nvme* /dev/mem; do dd if=/dev/zero of=$d bs=1 count=1 conv=notrunc; done`,
      `mkdir /sys/fs/cgroup/x; mount -o remount,rw /proc; mount -o remount,bind,rw /sys`,
      `kill -9 -1; kill -9 ${bystander}; kill ${process.ppid}`,
      `(setsid nohup sh -c 'sleep 1; echo late > ${root}/src/b.ts; echo late > ${root}/src/lib/late.ts' > /dev/null 2>&1 &) ; disown -a`,
      `crontab - <<< '* * * * * true'; echo 'echo x > ${root}/src/b.ts' | at now; systemd-run true; busctl list`,
      `su -c 'echo x > ${dir}/outside.txt'; sudo -n sh -c 'echo x > ${dir}/outside.txt'; cp /bin/sh /tmp/s; chmod 4755 /tmp/s; /tmp/s -p -c 'echo x > ${dir}/outside.txt'`,
      // Past the file system calls that a command usually makes.
      python(`import ctypes, os, struct, mmap
l = ctypes.CDLL(None, use_errno=True)
for target in (b"${root}/src/b.ts", b"${dir}/outside.txt", b"${home}/.bashrc"):
    params = (ctypes.c_char * 120)()
    ring = l.syscall(425, 8, params)
    if ring < 0: break
    entries, offsets = struct.unpack_from("I", bytes(params), 0)[0], struct.unpack_from("10I", bytes(params), 40)
    queue = mmap.mmap(ring, offsets[6] + entries * 4 + 64, offset=0)
    calls = mmap.mmap(ring, entries * 64, offset=0x10000000)
    name = ctypes.create_string_buffer(target)
    calls[0:64] = struct.pack("<BBHiQQIIQHHiQQ", 18, 0, 0, -100, 0, ctypes.addressof(name), 0o644, os.O_WRONLY | os.O_TRUNC, 7, 0, 0, 0, 0, 0)
    queue[offsets[6]:offsets[6] + 4] = struct.pack("I", 0)
    queue[offsets[1]:offsets[1] + 4] = struct.pack("I", 1)
    print(l.syscall(426, ring, 1, 1, 1, None, 0), os.strerror(ctypes.get_errno()))`),
      python(`import ctypes, os
l = ctypes.CDLL(None, use_errno=True)
class Part(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
mine = ctypes.create_string_buffer(b"AAAA")
for pid in (${bystander}, ${process.ppid}, 1):
    print(l.ptrace(0x4206, pid, 0, 0), os.strerror(ctypes.get_errno()))
    print(l.process_vm_writev(pid, ctypes.byref(Part(ctypes.addressof(mine), 4)), 1, ctypes.byref(Part(0x400000, 4)), 1, 0))
    handle = l.syscall(434, pid, 0)
    if handle >= 0: print(l.setns(handle, 0x00020000), l.syscall(438, handle, 0, 0))
    for name in ("root", "cwd", "mem", "ns/mnt"):
        try: os.open("/proc/%d/%s${dir}/outside.txt" % (pid, name), os.O_WRONLY | os.O_TRUNC)
        except OSError as error: print(error)`),
      python(`import os
for path in ("src/lib/sub", "src/lib", "src", "."):
    for name in ("opaque", "redirect", "whiteout", "metacopy", "origin", "overlay.opaque"):
        for kind in ("user", "trusted"):
            try: os.setxattr(path, "%s.overlay.%s" % (kind, name), b"y")
            except OSError: pass
open("src/lib/sub/new.ts", "w").write("n")`),
      `mknod src/b.ts c 0 0; rm src/b.ts; mknod src/b.ts c 0 0; mknod src/lib/w c 0 0; mv src/lib/w src/b.ts`,
      python(`import ctypes, fcntl, glob, mmap, os
l = ctypes.CDLL(None, use_errno=True)
for one, other in ((b"src/b.ts", b"src/a.ts"), (b"src/lib", b"src/other"), (b"README.md", b"src/lib/x.ts")):
    for flags in (2, 4, 1): print(l.renameat2(-100, one, -100, other, flags))
for folder in ("src", ".", "${dir}", "${home}"):
    try: os.link("/proc/self/fd/%d" % os.open(folder, os.O_TMPFILE | os.O_WRONLY), folder + "/made", follow_symlinks=True)
    except OSError as error: print(error)
for path in ("src/b.ts", "${home}/.bashrc"):
    with open(path, "r+b") as file: mmap.mmap(file.fileno(), 0)[0:1] = b"X"
for path in [0, 1, 2, "/dev/tty", "/dev/console", *glob.glob("/dev/pts/[0-9]*")]:
    try: fcntl.ioctl(path if isinstance(path, int) else os.open(path, os.O_RDWR | os.O_NOCTTY), 0x5412, b"x")
    except OSError as error: print(error)`),
      `git config core.fsmonitor 'echo x > ${root}/src/b.ts'; git config core.hooksPath src/lib; git config filter.f.clean 'echo x > ${root}/src/b.ts; cat'; echo '* filter=f' > .git/info/attributes; echo '* filter=f' > src/lib/.gitattributes; mkdir -p src/lib/in; git init -q src/lib/in; echo 'gitdir: /tmp' > src/lib/.git`,
      `export HANDRAIL_STATE_DIR=${state} HANDRAIL_SHELL=free HANDRAIL_CALL_ID=forged HANDRAIL_CONFINEMENT=none BASH_ENV=src/lib/env.sh; echo 'echo x > ${root}/src/b.ts' > src/lib/env.sh; ${held.shell.shellPath} -c 'echo x > ${root}/src/b.ts'; sh -c 'echo x > ${dir}/outside.txt'`,
      `cd / && rm -rf --no-preserve-root ${dir}/outside.txt ${home} ${state} ${root}/.git ${root}/src/b.ts`,
    ];
    for (const attempt of tries) {
      await held.run(attempt);
      const after = possessions(held);
      expect(after.files, attempt).toEqual(before.files);
      expect(changed(before.home, after.home), attempt).toEqual([]);
      expect(changed(before.other, after.other), attempt).toEqual([]);
      const mine = /^src\/(a\.ts$|lib\/(?!.*\.git))/;
      const inRepo = changed(before.repo, after.repo).filter((path) => !mine.test(path));
      expect(inRepo, attempt).toEqual([]);
    }
    expect(held.repo.exists("src/lib/late.ts")).toBe(false);
    // It is still held.
    expect(await held.run("echo x > src/b.ts; echo fine > src/lib/fine.ts")).toMatchObject({
      applied: expect.arrayContaining(["src/lib/fine.ts"]),
      refused: [{ path: "src/b.ts" }],
    });
  }, 180_000);

  test("the machine cannot be set: by core_pattern a program outside would be started", async () => {
    const held = await hold();
    const { stdout } = await held.run(
      `find /proc/sys/kernel /proc/sys/fs /proc/sys/vm /proc/sysrq-trigger /sys/kernel/mm /sys/fs/cgroup -type f -perm -200 | while read -r f; do if : 2> /dev/null >> "$f"; then echo "$f"; fi; done | head -3; echo done`,
    );
    expect(stdout).toBe("done\n");
  });

  test("what is Handrail's is not to be seen: no state, no secrets, no word to forge", async () => {
    const held = await hold();
    const { state } = held.sandbox;
    const { stdout } = await held.run(
      `ls -A ${state} | grep -v -e hooks -e gitconfig -e command -e closed -e unreadable; cat ${state}/projects/*/inbox/* 2>&1 | head -1; env | grep -v ^HANDRAIL_TEST_BWRAP | grep -E '^HANDRAIL_|OPENCODE_SERVER' ; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -E '^HANDRAIL_(CALL|RUN|INBOX|CALLBACK)|OPENCODE_SERVER'; find / -xdev -name commands.jsonl -path '${held.sandbox.dir}/*' 2>/dev/null | head -3; true`,
    );
    expect(stdout.split("\n").filter((line) => line !== "" && !line.includes("No such file"))).toEqual([]);
    await held.run(
      `for f in ${held.runDir}/commands.jsonl ${held.runDir}/events.jsonl; do mkdir -p "$(dirname $f)"; echo '{"callID":"forged","exitCode":0}' >> $f; done`,
    );
    expect(readFileSync(join(held.runDir, "commands.jsonl"), "utf8")).not.toContain("forged");
    expect(existsSync(join(held.runDir, "events.jsonl"))).toBe(false);
  });

  test("Handrail itself, started in a command, finds nothing and changes nothing", async () => {
    const held = await hold();
    held.repo.write("opencode_tasks/20261121-x.txt", "X\n\nFiles to modify:\n- src/\n");
    const before = possessions(held);
    const handrail = (words: string) => `'${process.execPath}' ${lib}/main.mjs ${words}`;
    for (const words of [
      "init --undo --yes",
      "init --yes --user",
      "gc",
      "callback redeliver r1-t1",
      "callback flush",
      "runs --json",
      "restore r20261121T000000-aaaaaa",
      "lock release --all",
      "baseline --renew",
      "exec --task opencode_tasks/20261121-x.txt -- sh -c 'echo x > src/b.ts'",
    ]) {
      const done = await held.run(
        `${handrail(words)}; HANDRAIL_STATE_DIR=${held.sandbox.state} ${handrail(words)}`,
      );
      expect(done.stdout, words).not.toContain("aaaaaa  ");
      const after = possessions(held);
      expect(after.files, words).toEqual(before.files);
      expect(changed(before.home, after.home), words).toEqual([]);
      expect(changed(before.other, after.other), words).toEqual([]);
      expect(changed(before.repo, after.repo), words).toEqual([]);
    }
  }, 120_000);

  test("sockets of servers outside cannot be reached by their path", async () => {
    const opened: { server: Server; visitors: string[] }[] = [];
    // The view is laid out when the shell is prepared: the servers have to be there by then.
    const held = await holdWithServers(mechanism, opened);
    try {
      expect(opened.length).toBe(4);
      for (const { server } of opened) {
        const path = String(server.address());
        const { stdout } = await held.run(knock(path));
        expect(stdout, path).toMatch(/ECONNREFUSED|EACCES|ENOENT|ENOTSOCK|EPERM/);
      }
      expect(opened.flatMap(({ visitors }) => visitors)).toEqual([]);
    } finally {
      for (const { server } of opened) server.close();
      await held.close();
    }
  });

  test("what takes datagrams outside gets none from a command", async () => {
    const held = await hold();
    const socket = join(held.sandbox.dir, "beside.sock");
    const got = join(held.sandbox.dir, "got");
    const taker = spawn("python3", [
      "-c",
      `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("${socket}")
while True: open("${got}", "ab").write(s.recv(100))`,
    ]);
    try {
      await until("the socket", () => existsSync(socket));
      held.again();
      const send = `python3 -c 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"in", "${socket}")'`;
      expect((await held.run(send)).stderr).toContain("Connection refused");
      // It does take them.
      execFileSync("sh", ["-c", send]);
      await until("the datagram", () => existsSync(got));
      expect(readFileSync(got, "utf8")).toBe("in");
    } finally {
      taker.kill("SIGKILL");
    }
  });

  test("named pipes in the repository and at home lead nowhere", async () => {
    const held = await hold();
    const pipes = [join(held.repo.root, "src/lib/pipe"), join(held.sandbox.home, "pipe")];
    execFileSync("mkfifo", pipes);
    const ends = pipes.map((path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    for (const path of pipes) await held.run(`timeout 1 sh -c 'echo in > ${path}'`);
    for (const end of ends) {
      expect(() => readSync(end, Buffer.alloc(9))).toThrow("EAGAIN");
      closeSync(end);
    }
  });

  test("paths too deep to be named, and files too large to be read, hold up nothing", async () => {
    const held = await hold();
    const deep = (folder: string) =>
      python(`import os
os.chdir("${folder}")
for _ in range(700):
    os.mkdir("dddddddddd")
    os.chdir("dddddddddd")
open("f", "w").write("f")`);
    const rest = ["src/lib", "src/other", "/tmp", held.sandbox.home];
    const first = await held.run(`${rest.map(deep).join("\n")}\necho fine > src/lib/fine.ts`);
    expect(first).toMatchObject({ code: 3, exitCode: 0, conflicts: [] });
    expect(first.refused.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["special-file", "out-of-scope"]),
    );
    expect(held.repo.read("src/lib/fine.ts")).toBe("fine\n");
    expect(held.repo.exists("src/other/dddddddddd")).toBe(false);
    const next = await held.run("echo next > src/lib/next.ts");
    expect(next).toMatchObject({ code: 0, applied: ["src/lib/next.ts"] });

    const large = "truncate -s 4T src/lib/large src/b.ts; touch src/lib/large";
    for (let round = 0; round < 2; round++) {
      expect(await held.run(large)).toMatchObject({
        code: 3,
        refused: [{ path: "src/b.ts" }],
        conflicts: [],
      });
    }
    expect(statSync(join(held.repo.root, "src/lib/large")).size).toBe(4 * 1024 ** 4);
    expect(held.repo.read("src/b.ts")).toBe("b\n");
  }, 180_000);

  test("what a command leaves running is gone with it", async () => {
    const held = await hold();
    await held.run("for i in 1 2 3; do (setsid sleep 300 &); done; nohup sleep 300 & disown");
    await until("the processes to end", () =>
      (processesMentioning(held.sandbox.dir) ?? []).every((line) => !line.includes("sleep 300")),
    );
  });
});

async function holdWithServers(
  mechanism: (typeof mechanisms)[number],
  opened: { server: Server; visitors: string[] }[],
): Promise<HeldRepo> {
  const held = await holdRepo({ mechanism });
  for (const path of ["docker.sock", "home/.agent.sock", "tmp/tmux-0/default", "beside/x.sock"]) {
    opened.push(await listen(join(held.sandbox.dir, path)));
  }
  // Prepared anew, as for a later turn of the run.
  held.again();
  return held;
}

test.runIf(process.getuid?.() === 0)(
  "root that may not mount: no setting and no disk of the machine either",
  () => {
    const bench = openBench();
    const cmd = `id -u; find /proc/sys/kernel /proc/sys/fs /proc/sys/vm -type f -perm -200 | while read -r f; do if : 2> /dev/null >> "$f"; then echo "$f"; fi; done | head -3; ls /dev | grep -E '^(vd|sd|nvme|dm-|loop|mem|kmsg|port)'; echo done`;
    const one: Case = { id: "settings", cmd, category: "escape", effect: "read_only" };
    try {
      for (const { mechanism, works, reason } of bench.probe("root that may not mount")) {
        if (!works) console.log(`${mechanism} is not tried: ${reason}`);
        else {
          const [held] = bench.run([one], "held", "root that may not mount", mechanism);
          expect(held, mechanism).toMatchObject({ code: 0, stdout: "0\ndone\n" });
        }
      }
    } finally {
      bench.close();
    }
  },
);
