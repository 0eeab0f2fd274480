import type { ResolvedBuild, ResolvedStep } from "../cloudbuild/index.ts";
import { type FailureRecord, failureRecord } from "../errors/index.ts";
import type { ActionEnd } from "./engine.ts";
import type { BuildOutcome, StepOutcome } from "./model.ts";

/** Does one step to its end; when the signal is given it stops, and rejects after everything of it has ended. */
export type RunStep = (step: ResolvedStep, signal: AbortSignal) => Promise<ActionEnd>;

export type StepsEnd = Omit<BuildOutcome, "name">;

type Stop = "failed" | "timeout" | "cancelled";

/**
 * Runs the steps of a build, each as soon as those it waits for are over. The first that fails ends the build, as on Cloud
 * Build: what is under way is stopped, and nothing else starts. A failure that a step allows counts as success.
 * Never rejects: what went wrong is in what it returns.
 * @param ending `signal` ends the build from outside; once `stop` is given no step starts, and those under way go on.
 */
export async function executeSteps(
  build: Pick<ResolvedBuild, "steps" | "timeoutSeconds">,
  runStep: RunStep,
  { signal, stop: nothingMore }: { readonly signal: AbortSignal; readonly stop?: AbortSignal | undefined },
): Promise<StepsEnd> {
  const stop = new AbortController();
  let stopped: Stop | undefined;
  let failure: FailureRecord | undefined;
  const end = (why: Stop, record: FailureRecord): void => {
    if (stopped !== undefined) return;
    stopped = why;
    failure = record;
    stop.abort();
  };
  const cancel = (): void => {
    const isLate = signal.reason instanceof Error && signal.reason.name === "TimeoutError";
    if (isLate) end("timeout", { code: "timeout", message: "the run took more time than its job allows" });
    else end("cancelled", { code: "cancelled", message: "the build was cancelled" });
  };
  const timer = setTimeout(() => {
    end("timeout", timeoutRecord(`the build took more than its ${build.timeoutSeconds} s`));
  }, build.timeoutSeconds * 1000);
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel);

  const endings: Promise<StepOutcome>[] = [];
  const start = async (step: ResolvedStep): Promise<StepOutcome> => {
    await Promise.all(step.waitFor.map((index) => endings[index]));
    if (nothingMore?.aborted) end("cancelled", { code: "cancelled", message: "the build was cancelled" });
    if (stopped !== undefined) return { index: step.index, status: "not-started" };
    const { outcome, record } = await attempt(step, runStep, stop.signal);
    if (outcome.status === "failure" || outcome.status === "timeout") {
      end(outcome.status === "timeout" ? "timeout" : "failed", record ?? exitRecord(step, outcome));
    }
    return outcome;
  };
  for (const step of build.steps) endings.push(start(step));
  const steps = await Promise.all(endings);
  clearTimeout(timer);
  signal.removeEventListener("abort", cancel);
  const statuses = { failed: "failure", timeout: "timeout", cancelled: "cancelled" } as const;
  return { status: stopped === undefined ? "success" : statuses[stopped], steps, failure };
}

async function attempt(
  step: ResolvedStep,
  runStep: RunStep,
  stop: AbortSignal,
): Promise<{ outcome: StepOutcome; record?: FailureRecord }> {
  const started = new Date();
  const own = new AbortController();
  const seconds = step.timeoutSeconds;
  const late = (): void => {
    // What is being stopped already may take its time.
    if (!stop.aborted) own.abort();
  };
  const timer = seconds === undefined ? undefined : setTimeout(late, seconds * 1000);
  const times = () => ({ startedAt: started.toISOString(), milliseconds: Date.now() - started.getTime() });
  try {
    const { exitCode, image } = await runStep(step, AbortSignal.any([stop, own.signal]));
    const status = statusOf(step, exitCode);
    return { outcome: { index: step.index, status, exitCode, ...times(), image } };
  } catch (error) {
    if (own.signal.aborted) {
      const record = timeoutRecord(`${stepInWords(step)} took more than its ${seconds} s`);
      return { outcome: { index: step.index, status: "timeout", ...times() }, record };
    }
    if (stop.aborted) return { outcome: { index: step.index, status: "cancelled", ...times() } };
    const status = step.allowFailure ? "allowed-failure" : "failure";
    return { outcome: { index: step.index, status, ...times() }, record: failureRecord(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** `allowExitCodes` wins over `allowFailure`: of both, the codes are what is allowed. */
function statusOf(step: ResolvedStep, exitCode: number): StepOutcome["status"] {
  if (exitCode === 0) return "success";
  const isAllowed =
    step.allowExitCodes.length > 0 ? step.allowExitCodes.includes(exitCode) : step.allowFailure;
  return isAllowed ? "allowed-failure" : "failure";
}

function exitRecord(step: ResolvedStep, { exitCode }: StepOutcome): FailureRecord {
  return {
    code: "step-failed",
    message: `${stepInWords(step)} failed: it exited with ${exitCode}`,
    hint: "its last lines in the log say why",
  };
}

function timeoutRecord(message: string): FailureRecord {
  return { code: "timeout", message, hint: "timeout: in the build file says how long it may take" };
}

function stepInWords({ index, id, name }: ResolvedStep): string {
  return `step ${index}${id === undefined ? "" : ` (${id})`} in ${name}`;
}
