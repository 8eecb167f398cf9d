import { defineConfig } from "vitest/config";

// `npm run test:slow` and `npm run test:environments` set this. The slow tests take minutes each; those of environments install
// bundlers and runtimes; the fast ones are all the others.
const kind = process.env["FOVEA_TESTS"] ?? "fast";
const special = ["slow", "environments"];
const isSpecial = special.includes(kind);

// Tests import the build (`#fovea/...` is dist/...), because worker threads start only from JavaScript files.
export default defineConfig({
  test: {
    include: [isSpecial ? `test/${kind}/**/*.test.ts` : "test/**/*.test.ts"],
    exclude: isSpecial ? [] : special.map((folder) => `test/${folder}/**`),
    pool: "forks",
    // Only against what hangs: where others use the machine, a test of a second may take minutes.
    testTimeout: kind === "slow" ? 30 * 60_000 : 10 * 60_000,
    hookTimeout: 10 * 60_000,
  },
});
