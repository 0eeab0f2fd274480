import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { executeSteps, type RunStep } from "../../src/builds/execute-steps.ts";
import type { ResolvedStep } from "../../src/cloudbuild/index.ts";

const never = { signal: new AbortController().signal };

function step(index: number, more: Partial<ResolvedStep> = {}): ResolvedStep {
  return {
    index,
    name: `image-${index}`,
    args: [],
    env: {},
    secretEnv: [],
    dir: "/workspace",
    volumes: [],
    allowFailure: false,
    allowExitCodes: [],
    waitFor: Array.from({ length: index }, (_, before) => before),
    at: { line: 1, column: 1 },
    ...more,
  };
}

/** Waits until the signal is given, as a program does that is stopped. */
const forever: RunStep = (_, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

describe("the steps of a build", () => {
  test("run each after those it waits for, and side by side where nothing is said", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat({ max: 20 }), { maxLength: 4 }), { minLength: 1, maxLength: 12 }),
        async (waits) => {
          const steps = waits.map((raw, index) =>
            step(index, { waitFor: [...new Set(raw.filter((other) => other < index))] }),
          );
          const over = new Set<number>();
          const end = await executeSteps(
            { steps, timeoutSeconds: 60 },
            async ({ index, waitFor }) => {
              for (const before of waitFor) expect(over).toContain(before);
              await sleep(0);
              over.add(index);
              return { exitCode: 0 };
            },
            never,
          );
          expect(end.status).toBe("success");
          expect(end.steps.map(({ status }) => status)).toEqual(steps.map(() => "success"));
        },
      ),
      { numRuns: 30 },
    );
  });

  test("that fail stop what is under way, and start nothing else", async () => {
    const started: number[] = [];
    const end = await executeSteps(
      { steps: [step(0, { waitFor: [] }), step(1, { waitFor: [] }), step(2)], timeoutSeconds: 60 },
      (which, signal) => {
        started.push(which.index);
        return which.index === 1 ? Promise.resolve({ exitCode: 7 }) : forever(which, signal);
      },
      never,
    );
    expect(started).toEqual([0, 1]);
    expect(end.status).toBe("failure");
    expect(end.steps.map(({ status }) => status)).toEqual(["cancelled", "failure", "not-started"]);
    expect(end.failure?.message).toBe("step 1 in image-1 failed: it exited with 7");
  });

  test("may be allowed to fail; of both ways to say it, the exit codes count", async () => {
    const codes = [3, 3, 4];
    const run = (steps: readonly ResolvedStep[]) =>
      executeSteps(
        { steps, timeoutSeconds: 60 },
        async ({ index }) => ({ exitCode: codes[index] ?? 0 }),
        never,
      );
    const allowed = await run([step(0, { allowFailure: true }), step(1, { allowExitCodes: [3] })]);
    expect(allowed.status).toBe("success");
    expect(allowed.steps.map(({ status }) => status)).toEqual(["allowed-failure", "allowed-failure"]);
    const refused = await run([step(0, { allowFailure: true, allowExitCodes: [1] })]);
    expect(refused.status).toBe("failure");
  });

  test("are given no more time than the build, or the step, says", async () => {
    const build = await executeSteps({ steps: [step(0), step(1)], timeoutSeconds: 0.02 }, forever, never);
    expect(build.status).toBe("timeout");
    expect(build.steps.map(({ status }) => status)).toEqual(["cancelled", "not-started"]);
    const one = await executeSteps(
      { steps: [step(0, { timeoutSeconds: 0.02, id: "slow" })], timeoutSeconds: 60 },
      forever,
      never,
    );
    expect(one.status).toBe("timeout");
    expect(one.failure?.message).toBe("step 0 (slow) in image-0 took more than its 0.02 s");
  });

  test("end when the build is cancelled, also before it began", async () => {
    const given = AbortSignal.abort();
    const end = await executeSteps({ steps: [step(0)], timeoutSeconds: 60 }, forever, { signal: given });
    expect(end.status).toBe("cancelled");
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    const late = AbortSignal.timeout(1);
    const tooLate = await executeSteps({ steps: [step(0)], timeoutSeconds: 60 }, forever, { signal: late });
    expect(tooLate).toMatchObject({ status: "timeout", failure: { code: "timeout" } });
    const later = await executeSteps({ steps: [step(0)], timeoutSeconds: 60 }, forever, controller);
    expect(later.steps.map(({ status }) => status)).toEqual(["cancelled"]);
  });

  test("that are under way go on when nothing more is to start", async () => {
    const stop = new AbortController();
    const end = await executeSteps(
      { steps: [step(0), step(1)], timeoutSeconds: 60 },
      async () => {
        stop.abort();
        return { exitCode: 0 };
      },
      { ...never, stop: stop.signal },
    );
    expect(end.status).toBe("cancelled");
    expect(end.steps.map(({ status }) => status)).toEqual(["success", "not-started"]);
  });

  test("that cannot be done are failures with what the engine says", async () => {
    const end = await executeSteps(
      { steps: [step(0)], timeoutSeconds: 60 },
      () => Promise.reject(new Error("no such image")),
      never,
    );
    expect(end).toMatchObject({ status: "failure", failure: { message: "no such image" } });
  });
});
