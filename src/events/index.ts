/**
 * Something that happened while work was done, told apart by its `type`: plain data that can be written as JSON. Each room
 * has the type of its own events.
 */
export interface WorkEvent {
  readonly type: string;
}

/** Told of everything that happens, while it happens. Must not throw, and must not take long. */
export type Listener<Event extends WorkEvent> = (event: Event) => void;

/** Tells several listeners, of which some may be missing. */
export function toAll<Event extends WorkEvent>(
  ...listeners: readonly (Listener<Event> | undefined)[]
): Listener<Event> {
  return (event) => {
    for (const listener of listeners) listener?.(event);
  };
}

/** How far work has come that is counted; how much there is may turn out later. */
export interface ProgressEvent {
  readonly type: "progress";
  readonly done: number;
  readonly total: number;
}
