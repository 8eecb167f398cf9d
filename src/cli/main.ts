#!/usr/bin/env node
/** The command line. Where not all of its packages are installed, npm runs it from fovea-cli, which brings them. */
import { missingPackages, runThroughNpm } from "./through-npm.js";

const missing = missingPackages();
if (missing.length === 0) await import("./run.js");
else await runThroughNpm(missing, process.argv.slice(2));
