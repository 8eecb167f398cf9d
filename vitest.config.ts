import { defineConfig } from "vitest/config";

// Tests import the build (`#fovea/...` is dist/...), because worker threads start only from JavaScript files.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
