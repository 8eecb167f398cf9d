import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Project } from "./project.js";

const lastLine = (text: string) => text.trimEnd().split("\n").at(-1);

const results = (passed: number, failed: number, files: object[] = []) =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: 2,
    numTodoTests: 1,
    testResults: files,
  });

describe("npm test", () => {
  it("ends with the numbers of the tests", async () => {
    const project = new Project({ installed: true });
    const env = { RESULTS: results(12, 0) };
    const { code, stdout } = await project.run("test.mjs", ["test/formats"], { env });
    expect(stdout).toBe("arguments test/formats tests fast\n12 passed, 0 failed, 3 skipped\n");
    expect(code).toBe(0);
    expect(existsSync(join(project.folder, "npm-ran"))).toBe(false);
    const slow = await project.run("test.mjs", ["--slow"], { env });
    expect(slow.stdout).toContain("tests slow\n");
  });

  it.each([
    ["a test fails", { RESULTS: results(11, 1), VITEST_CODE: "1" }, "11 passed, 1 failed, 3 skipped"],
    [
      "a file fails outside its tests",
      { RESULTS: results(11, 0, [{ status: "failed", assertionResults: [] }]), VITEST_CODE: "1" },
      "11 passed, 1 failed, 3 skipped",
    ],
    [
      "Vitest fails though no test does",
      { RESULTS: results(11, 0), VITEST_CODE: "1" },
      "11 passed, 1 failed, 3 skipped",
    ],
    ["Vitest crashes", { VITEST_SIGNAL: "SIGABRT" }, "0 passed, 1 failed, 0 skipped"],
    ["Vitest gives no results", {}, "0 passed, 1 failed, 0 skipped"],
    ["Vitest gives half a result", { RESULTS: '{"numPassed' }, "0 passed, 1 failed, 0 skipped"],
    ["lint fails", { RESULTS: results(12, 0), BIOME_CODE: "1" }, "12 passed, 1 failed, 3 skipped"],
    ["the build fails", { RESULTS: results(12, 0), TSC_CODE: "2" }, "0 passed, 1 failed, 0 skipped"],
  ])("fails where %s", async (_, env, expected) => {
    const { code, stdout } = await new Project({ installed: true }).run("test.mjs", [], { env });
    expect(lastLine(stdout)).toBe(expected);
    expect(code).toBe(1);
  });
});

describe("npm start", () => {
  const job = (code: string) => {
    const project = new Project({ installed: true });
    project.write("src/cli/main.ts", "");
    project.write("dist/cli/main.js", code);
    return project;
  };

  it("runs the main job with what is added, and passes its exit code on", async () => {
    const project = job("console.log(process.argv.slice(2).join(' ')); process.exitCode = 3;");
    const { code, stdout } = await project.run("start.mjs", ["--epochs", "1"]);
    expect(stdout).toMatch(/^train lenet5 --data mnist( .*)? --epochs 1\n$/);
    expect(code).toBe(3);
  });

  it("removes what is left of sources that are gone", async () => {
    const project = job("");
    project.write("dist/old/gone.js", "");
    project.write("dist/old/gone.d.ts", "");
    project.write("dist/old/asset.bin", "");
    await project.run("start.mjs");
    expect(existsSync(join(project.folder, "dist/old/gone.js"))).toBe(false);
    expect(existsSync(join(project.folder, "dist/old/gone.d.ts"))).toBe(false);
    expect(existsSync(join(project.folder, "dist/old/asset.bin"))).toBe(true);
    expect(existsSync(join(project.folder, "dist/cli/main.js"))).toBe(true);
  });

  it.skipIf(process.platform === "win32")("passes a signal on once, and ends as the job ends", async () => {
    const patient = job(`
      let times = 0;
      process.on("SIGINT", () => { times++; setTimeout(() => { console.log("saved " + times); process.exit(0); }, 100); });
      setInterval(() => {}, 1000);
      console.log("ready");`);
    const saved = await patient.run("start.mjs", [], { whenSays: ["ready", "SIGINT"] });
    expect(saved).toMatchObject({ code: 0, stdout: "ready\nsaved 1\n" });
    const killed = job("setInterval(() => {}, 1000); console.log('ready');");
    expect(await killed.run("start.mjs", [], { whenSays: ["ready", "SIGTERM"] })).toMatchObject({ signal: "SIGTERM" });
  });

  it("installs where a package is missing or of another version, and says so", async () => {
    const missing = new Project({ installed: false });
    const { code, stderr } = await missing.run("start.mjs");
    expect(readFileSync(join(missing.folder, "npm-ran"), "utf8")).toMatch(/^install --no-save --include=dev /);
    expect(stderr).toMatch(/^Installing the packages of package-lock.json \.\.\.\nInstalled in [\d.]+ s\.\n/);
    // This npm installs nothing, so that there is no compiler.
    expect(code).toBe(1);
    const old = new Project({ installed: true });
    old.lock("1.0.1");
    await old.run("start.mjs");
    expect(existsSync(join(old.folder, "npm-ran"))).toBe(true);
  });

  it("stops where npm fails", async () => {
    const project = new Project({ installed: false });
    project.write("npm-cli.js", "process.exitCode = 1;");
    const { code, stdout, stderr } = await project.run("start.mjs");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("`npm install` failed");
  });
});
