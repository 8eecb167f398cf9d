import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import { checkFileWritable, checkFolderWritable, writeFileAtomically } from "#fovea/host/atomic-write-node.js";
import { temporaryFolder } from "../support/temporary.js";

const module = new URL("../../dist/host/atomic-write-node.js", import.meta.url).href;

/** A script that writes `bytes` bytes to a path, and prints the class and the message of the error. */
const writer = (path: string, bytes: number) => `
  import { writeFileAtomically } from ${JSON.stringify(module)};
  const half = new Uint8Array(${bytes / 2});
  await writeFileAtomically(${JSON.stringify(path)}, [half, half]).then(
    () => console.log("written"), (error) => console.log(error.name + ": " + error.message));
`;

/** Runs the script under a shell command that ends in the arguments it is given. */
function runUnder(command: string, script: string): string {
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", `${command} "$@"`, "sh", process.execPath, "--input-type=module", "-e", script],
    { encoding: "utf8" },
  );
  return stdout + stderr;
}

describe("writeFileAtomically", () => {
  it("writes the pieces in order, in place of what was there, and leaves nothing else", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "file");
    await writeFileAtomically(path, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    await writeFileAtomically(path, ["text ", "é"]);
    expect(readFileSync(path, "utf8")).toBe("text é");
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  it("writes through a symbolic link and never over a folder or a device", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real", "file"), "old");
    symlinkSync(join("real", "file"), join(folder, "link"));
    await writeFileAtomically(join(folder, "link"), ["new"]);
    expect(readFileSync(join(folder, "real", "file"), "utf8")).toBe("new");
    await expect(writeFileAtomically(folder, ["x"])).rejects.toThrow(`${folder}: could not be written: it is a folder`);
    if (existsSync("/dev/null")) {
      await expect(writeFileAtomically("/dev/null", ["x"])).rejects.toThrow("it is a device; name a file");
      expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
    }
  });

  it("names a folder that is missing, is a file, or refuses", async () => {
    const folder = temporaryFolder();
    const none = join(folder, "none", "file");
    await expect(writeFileAtomically(none, ["x"])).rejects.toThrow(
      `${none}: could not be written: there is no folder ${join(folder, "none")}; create it or write elsewhere`,
    );
    writeFileSync(join(folder, "plain"), "");
    await expect(writeFileAtomically(join(folder, "plain", "x"), ["x"])).rejects.toThrow(/plain is not a folder/);
    await expect(writeFileAtomically(none, ["x"])).rejects.toBeInstanceOf(FileError);
  });

  it.skipIf(process.platform !== "linux")("says when a folder may not be written", async () => {
    await expect(writeFileAtomically("/sys/fovea", ["x"])).rejects.toThrow(
      /^\/sys\/fovea: could not be written: (no permission to write in \/sys|\/sys is on a read-only)/,
    );
  });

  it("is foretold by a check that says the same and leaves nothing", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "plain"), "old");
    mkdirSync(join(folder, "made"));
    for (const path of ["plain", "made", "new", "none/file", "plain/file", "made/file", `${"long".repeat(60)}.txt`]) {
      const at = join(folder, path);
      const before = readdirSync(folder, { recursive: true });
      const foretold = await checkFileWritable(at).catch(String);
      expect(readdirSync(folder, { recursive: true })).toEqual(before);
      expect(foretold).toBe(await writeFileAtomically(at, ["new"]).catch(String));
    }
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(["made", "made/file", "new", "plain"]);
  });

  it("in folders that are to be made is foretold, too", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "plain"), "");
    await checkFolderWritable(folder);
    await checkFolderWritable(join(folder, "a", "b", "c"));
    for (const path of ["plain", "plain/a", "plain/a/b"]) {
      const at = join(folder, path);
      await expect(checkFolderWritable(at)).rejects.toThrow(
        new FileError(`${at}: could not be made: ${join(folder, "plain")} is not a folder; name another`),
      );
    }
    expect(readdirSync(folder)).toEqual(["plain"]);
  });

  it.skipIf(process.platform !== "linux")("in a folder that refuses is foretold, too", async () => {
    await expect(checkFolderWritable("/sys/fovea/a")).rejects.toThrow(
      /^\/sys\/fovea\/a: could not be written: (no permission to write in \/sys|\/sys is on a read-only)/,
    );
  });

  it("removes what a crashed process left, and nothing of a living one or of another file", async () => {
    const folder = temporaryFolder();
    const gone = spawnSync(process.execPath, ["-e", ""]).pid;
    const left = (name: string, ageSeconds: number) => {
      writeFileSync(join(folder, name), "half");
      const when = Date.now() / 1000 - ageSeconds;
      utimesSync(join(folder, name), when, when);
    };
    left(`file.tmp-${gone}-0123abcd`, 3600);
    left(`file.tmp-${gone}-aaaaaaaa`, 5);
    left(`file.tmp-${process.ppid}-0123abcd`, 3600);
    left(`file.tmp-${gone}`, 3600);
    left(`other.tmp-${gone}-0123abcd`, 3600);
    await writeFileAtomically(join(folder, "file"), ["x"]);
    expect(readdirSync(folder).sort()).toEqual(
      [
        "file",
        `file.tmp-${gone}`,
        `file.tmp-${gone}-aaaaaaaa`,
        `file.tmp-${process.ppid}-0123abcd`,
        `other.tmp-${gone}-0123abcd`,
      ].sort(),
    );
  });

  it.skipIf(process.platform === "win32")("keeps the old file where the new one passes the limit for files", () => {
    const folder = temporaryFolder();
    const path = join(folder, "file");
    writeFileSync(path, "old");
    // POSIX counts the limit in blocks of 512 bytes, some shells in blocks of 1024: either is passed.
    expect(runUnder("ulimit -f 100 && exec", writer(path, 1_000_000))).toBe(
      `FileError: ${path}: could not be written: a file of 1000000 bytes is larger than the limit for files (see \`ulimit -f\`); raise it or write elsewhere\n`,
    );
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});

// A tiny disk of our own, in a name space that nobody else sees and that ends with the process.
const mount = (folder: string, options: string) => `mount -t tmpfs -o ${options} fovea '${folder}'`;
const mayMount =
  process.platform === "linux" &&
  spawnSync("unshare", ["-rm", "sh", "-c", `${mount("/mnt", "size=64k")}`], { stdio: "ignore" }).status === 0;

describe.skipIf(!mayMount)("on a disk of 64 kB (needs Linux and leave to mount in a name space)", () => {
  const onTinyDisk = (before: string, folder: string, script: string) =>
    runUnder(`exec unshare -rm sh -c '${before.replaceAll("'", "'\\''")}' sh`, script).replaceAll(folder, "DISK");

  it("says that it is full, with the space there is, and keeps the old file", () => {
    const folder = temporaryFolder();
    const path = join(folder, "file");
    const before = `${mount(folder, "size=64k")} && printf old > ${path} && "$@"; cat ${path}; ls -A ${folder}`;
    expect(onTinyDisk(before, folder, writer(path, 200_000))).toMatch(
      /^FileError: DISK\/file: could not be written: the disk is full \(\d+ bytes free in DISK\); 200000 bytes are needed: free space or write elsewhere\noldfile\n$/,
    );
  });

  it("says that it is read-only", () => {
    const folder = temporaryFolder();
    const before = `${mount(folder, "ro,size=64k")} && "$@"; ls -A ${folder}`;
    expect(onTinyDisk(before, folder, writer(join(folder, "file"), 200))).toBe(
      "FileError: DISK/file: could not be written: DISK is on a read-only file system; write elsewhere\n",
    );
  });
});

it.skipIf(process.platform === "win32")(
  "leaves the old content or the new, never a part, when the process is killed",
  async () => {
    const path = join(temporaryFolder(), "file");
    const script = `
      import { writeFileAtomically } from ${JSON.stringify(module)};
      for (let i = 0; ; i++) {
        const half = new Uint8Array(200_000).fill(i);
        await writeFileAtomically(${JSON.stringify(path)}, [half, half]);
        if (i === 0) console.log("writing");
      }
    `;
    for (const delayMs of [0, 3, 8, 17]) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
      await once(child.stdout, "data");
      await setTimeout(delayMs);
      child.kill("SIGKILL");
      await once(child, "close");
      const content = readFileSync(path);
      expect(content.length).toBe(400_000);
      expect(content.every((byte) => byte === content[0])).toBe(true);
    }
  },
);
