#!/usr/bin/env node
import { mainAs } from "../cli/main.ts";

process.exitCode = await mainAs("cip-mm", process.argv.slice(2));
