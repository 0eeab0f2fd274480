export { type DemoOptions, type DemoStep, runDemo } from "./demo.ts";
