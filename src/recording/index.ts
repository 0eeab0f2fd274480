export type { EndedEvent, RunEvent, StartedEvent } from "./events.ts";
export { noRecording, type Recording, startRecording } from "./recording.ts";
