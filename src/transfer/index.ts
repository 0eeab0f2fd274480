export * from "./transfer.ts";
