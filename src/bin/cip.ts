#!/usr/bin/env node
import { mainAs } from "../cli/main.ts";

process.exitCode = await mainAs("cip", process.argv.slice(2));
