/**
 * `npm test`: installs what is missing, builds, checks format, lint and types, and runs the tests. The last line printed
 * is always `N passed, N failed, N skipped`, and the exit code is 0 only where nothing failed.
 *
 * `npm test -- test/formats` runs a part; `--slow` runs test/slow instead, which takes long, and `--environments` test/environments,
 * which installs bundlers and other runtimes into a folder outside of the project.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProject, prepare, runNode, say } from "./prepare.mjs";

const kinds = ["slow", "environments"];
const kind = kinds.find((name) => process.argv.includes(`--${name}`)) ?? "fast";
const vitestArguments = process.argv.slice(2).filter((argument) => !kinds.some((name) => argument === `--${name}`));

const total = { passed: 0, failed: 0, skipped: 0 };
const folder = mkdtempSync(join(tmpdir(), "fovea-results-"));
try {
  if (await prepare()) {
    await check("format and lint", "@biomejs/biome/bin/biome", ["ci", "--error-on-warnings"]);
    await check("types of the tests", "typescript/bin/tsc", ["-p", "test"]);
    await runTests(join(folder, "results.json"));
  } else {
    total.failed++;
  }
} catch (error) {
  say(String(error?.stack ?? error));
  total.failed++;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

/** A check counts only where it fails, so that the numbers are those of the tests. */
async function check(what, program, args) {
  const { code } = await runNode([inProject("node_modules", program), ...args]);
  if (code === 0) return;
  say(`Failed: ${what}.`);
  total.failed++;
}

async function runTests(results) {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
  const { code, signal } = await runNode(
    [inProject("node_modules", "vitest", "vitest.mjs"), "run", ...reporters, ...vitestArguments],
    { env: { ...process.env, FOVEA_TESTS: kind } },
  );
  const failedBefore = total.failed;
  const counted = addResults(results);
  if (code === 0 && counted) return;
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  if (!counted) say(`Vitest ended ${how} before it could give results.`);
  else if (total.failed === failedBefore) say(`Vitest ended ${how} though no test failed.`);
  if (total.failed === failedBefore) total.failed++;
}

/** Adds what Vitest wrote, if it did. A file that failed outside its tests, at an import say, counts as one failure. */
function addResults(path) {
  let results;
  try {
    results = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return false;
  }
  total.passed += results.numPassedTests;
  total.failed += results.numFailedTests;
  total.skipped += results.numPendingTests + results.numTodoTests;
  for (const { status, assertionResults } of results.testResults) {
    if (status === "failed" && !assertionResults.some((test) => test.status === "failed")) total.failed++;
  }
  return true;
}
