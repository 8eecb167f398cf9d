import { defineConfig } from "vitest/config";

// `npm run test:slow` sets this. The slow tests take minutes each; the fast ones are all the others.
const slow = process.env["FOVEA_TESTS"] === "slow";

// Tests import the build (`#fovea/...` is dist/...), because worker threads start only from JavaScript files.
export default defineConfig({
  test: {
    include: [slow ? "test/slow/**/*.test.ts" : "test/**/*.test.ts"],
    exclude: slow ? [] : ["test/slow/**"],
    pool: "forks",
    testTimeout: slow ? 30 * 60_000 : 60_000,
    hookTimeout: 60_000,
  },
});
