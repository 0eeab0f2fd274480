import { defineConfig } from "vitest/config";
import { assets } from "./scripts/assets.ts";

export default defineConfig({
  plugins: [assets],
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/build.ts",
    setupFiles: "test/support/random.ts",
    // One for each core, also for the first: most tests wait for a disk, a server or a program.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["src/**"],
      reporter: ["text-summary", "lcov"],
      reportOnFailure: true,
    },
  },
});
