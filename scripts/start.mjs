/** `npm start`: installs what is missing, builds, and trains LeNet-5 on MNIST. `npm start -- --epochs 1` adds options. */
import { endAs, inProject, prepare, runNode } from "./prepare.mjs";

/** What `npm start` runs, as arguments of the command line. */
const MAIN_JOB = ["train", "lenet5", "--data", "mnist"];

if (await prepare()) {
  endAs(await runNode([inProject("dist", "cli", "main.js"), ...MAIN_JOB, ...process.argv.slice(2)]));
} else {
  process.exitCode = 1;
}
