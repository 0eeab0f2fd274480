import { expect, it } from "vitest";
import {
  type ImageEventDetails,
  type ImageEventKind,
  type ImageLife,
  type KeptEvent,
  lifeOf,
  type ProductionState,
} from "../../src/history/index.ts";
import { digestFor } from "../promotion/world.ts";
import { mirrors, staging } from "./told-world.ts";

const one = digestFor("one");
const [us = "", eu = ""] = mirrors;
const minute = (run: number): Date => new Date(Date.UTC(2026, 10, 29, 10, run));

/** Something that a run has told first, and another one last. */
function event(
  kind: ImageEventKind,
  [first, last]: readonly [number, number],
  details: ImageEventDetails,
): KeptEvent {
  return {
    ...{ image: staging, digest: one, kind, key: `${details.state} ${details.tags?.join()}`, details },
    ...{ at: minute(first), lastRun: `${last}`, lastAt: minute(last), place: "" },
    run: {
      ...{ id: `${first}`, job: "promote", kind: "promote", endedAt: minute(first) },
      ...{ repo: undefined, commit: undefined, pull: undefined },
    },
  };
}

const failed = (first: number, last: number, tag: string, destinations: readonly string[], why: string) =>
  event("stopped", [first, last], { state: "failed", tags: [tag], destinations, why });
const promoted = (run: number, destinations: readonly string[]) =>
  event("promoted", [run, run], { tags: ["v1"], destinations });

const live = (events: readonly KeptEvent[], production: readonly ProductionState[] = []): ImageLife =>
  lifeOf({ image: staging, digest: one, events, tags: [], production });

const stationOf = ({ stations }: ImageLife, name: string) =>
  stations.find((station) => station.name === name);

it("says that the last run has failed, also where it failed first long before", () => {
  const life = live([
    failed(1, 9, "v1", [eu], "away"),
    event("stopped", [2, 2], { state: "conflict", tags: ["v2"], destinations: [eu] }),
    promoted(5, [us]),
  ]);
  expect(stationOf(life, "promotion")).toMatchObject({
    ...{ state: "failed", text: "failed: away", at: minute(9).toISOString() },
    run: { id: "9" },
  });
});

it("says of a run that has brought a part of it that it has failed", () => {
  const events = [failed(2, 5, "v2", [us, eu], "moved"), promoted(5, [us])];
  for (const told of [events, events.toReversed()]) {
    const life = live(told);
    expect(stationOf(life, "promotion")).toMatchObject({ state: "failed", run: { id: "5" } });
    expect(life.mirrors).toMatchObject([
      { repository: eu, state: "failed", why: "moved" },
      { repository: us, state: "failed", why: "moved", arrivedAt: minute(5).toISOString() },
    ]);
  }
});

it("says that it is done once a later run has done it", () => {
  const life = live([failed(1, 4, "v1", [us], "away"), promoted(5, [us])]);
  expect(stationOf(life, "promotion")).toMatchObject({ state: "done", run: { id: "5" } });
  expect(life.mirrors).toMatchObject([{ repository: us, state: "promoted", why: undefined }]);
});

it("believes what a run has found itself, which began before it ended", () => {
  const state = {
    ...{ destination: us, tags: ["v1"], at: "images.yaml:4:5", health: "there" },
    ...{ lookedAt: new Date(minute(5).getTime() - 30_000), lookedRun: "5" },
  };
  expect(live([promoted(5, [us])], [state]).mirrors).toMatchObject([{ state: "there" }]);
  expect(live([promoted(5, [us])], [{ ...state, lookedRun: "4" }]).mirrors).toMatchObject([
    { state: "promoted" },
  ]);
});
