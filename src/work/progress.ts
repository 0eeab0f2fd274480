import type { Listener } from "../events/index.ts";
import type { TakenRun } from "../queue/index.ts";
import type { RunEvent } from "../recording/index.ts";

/** Says how far a run is, in the words of its kind, by the events that it tells while it goes on. */
export function progressOf(tell: TakenRun["tell"]): Listener<RunEvent> {
  /** Edges of the plan that are work; `undefined` before there is one. */
  let work: number | undefined;
  let done = 0;
  let failed = 0;
  let images = 0;
  /** Steps that go on, and of how many, of each build. */
  const builds = new Map<string, { readonly under: Set<number>; readonly steps: number }>();

  const counted = (text: string, done: number, total: number): void => tell({ text, done, total });
  return (event) => {
    switch (event.type) {
      case "progress":
        counted(`${event.done} of ${event.total} repositories read`, event.done, event.total);
        break;
      case "planned":
        work = event.work;
        counted(`0 of ${work} copied`, 0, work);
        break;
      case "edge-done":
      case "edge-failed":
        if (event.type === "edge-done") done += 1;
        else failed += 1;
        if (work !== undefined) {
          counted(
            `${done} of ${work} copied${failed === 0 ? "" : `, ${failed} failed`}`,
            done + failed,
            work,
          );
        }
        break;
      case "build-step-started":
      case "build-step-ended": {
        const known = builds.get(event.build);
        const steps = event.type === "build-step-started" ? event.steps : (known?.steps ?? 0);
        const under = known?.under ?? new Set();
        if (event.type === "build-step-started") under.add(event.step);
        else under.delete(event.step);
        builds.set(event.build, { under, steps });
        const words = [...builds].flatMap(([build, { under, steps }]) =>
          under.size === 0
            ? []
            : [
                `${builds.size > 1 ? `${build}: ` : ""}step ${[...under].map((step) => step + 1).join(", ")} of ${steps}`,
              ],
        );
        if (words.length > 0) tell({ text: words.join("; ") });
        break;
      }
      case "image-built":
        images += 1;
        tell({ text: `${images} ${images === 1 ? "image" : "images"} pushed` });
        break;
      default:
    }
  };
}
