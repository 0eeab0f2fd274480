export { type DemoCommand, type DemoOptions, type DemoOutcome, type DemoStep, runDemo } from "./demo.ts";
