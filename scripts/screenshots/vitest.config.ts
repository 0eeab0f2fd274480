import { defineConfig } from "vitest/config";
import { assets } from "../assets.ts";

/** Pictures are taken by what tests look at pages with. */
export default defineConfig({
  plugins: [assets],
  test: {
    include: ["scripts/screenshots/*.shots.ts"],
    globalSetup: "test/support/build.ts",
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
  },
});
