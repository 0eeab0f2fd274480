export { findExecutable } from "./find-executable.ts";
export { type ProgramLimits, type ProgramRun, runProgram } from "./run-program.ts";
