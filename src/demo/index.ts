export { type DemoCommand, type DemoOptions, type DemoOutcome, type DemoStep, runDemo } from "./demo.ts";
export { DemoError, type DemoErrorCode } from "./errors.ts";
export { type DemoServer, type StoryOptions, type ToldStory, tellStory } from "./story.ts";
