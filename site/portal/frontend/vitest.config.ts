import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    include: ["controllers/**/*.test.ts", "study/**/*.test.ts"],
    passWithNoTests: true,
  },
});
