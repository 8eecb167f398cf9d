import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findChromium, installCommand, mayInstall } from "../../scripts/chromium.mjs";
import { temporaryFolder } from "../support/temporary.js";

it("takes the Chromium that CHROMIUM_PATH names, else one on the PATH", () => {
  const folder = temporaryFolder();
  const program = join(folder, "google-chrome");
  writeFileSync(program, "#!/bin/sh\n");
  chmodSync(program, 0o755);
  expect(findChromium({ CHROMIUM_PATH: program, PATH: "" })).toBe(program);
  expect(findChromium({ PATH: `/nowhere:${folder}` })).toBe(program);
  expect(() => findChromium({ CHROMIUM_PATH: folder })).toThrow(
    `CHROMIUM_PATH is ${folder}, which is no program; expected the path of a Chromium or Chrome`,
  );
});

it("never changes a user's system: only continuous integration may install one", () => {
  expect([mayInstall({}), mayInstall({ CI: "1" }), mayInstall({ CI: "" })]).toEqual([false, false, false]);
  expect(installCommand()).toMatch(/^(sudo apt-get install chromium|npx playwright-core install chromium)$/);
});
