#!/usr/bin/env node
import { keepCompiled } from "./compile-cache.ts";

keepCompiled();
const { mainAs } = await import("../cli/main.ts");
process.exitCode = await mainAs("cip-mm", process.argv.slice(2));
