import pLimit, { type LimitFunction } from "p-limit";

/** Lets one push go to a place at a time. */
export interface PushTurns {
  /** @param place Repository and tag. */
  take<Result>(place: string, push: () => Promise<Result>): Promise<Result>;
}

/** Turns of one run, whose variants may name the same image. */
export function createPushTurns(): PushTurns {
  const places = new Map<string, LimitFunction>();
  return {
    take(place, push) {
      const turn = places.get(place) ?? pLimit(1);
      places.set(place, turn);
      return turn(push);
    },
  };
}
