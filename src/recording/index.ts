export {
  type EndedEvent,
  noRecording,
  type Recording,
  type RunEvent,
  type StartedEvent,
  startRecording,
} from "./recording.ts";
