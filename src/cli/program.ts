/** The commands of the command line. Each is a file of its own. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { printable } from "../text.js";
import { compareCommand } from "./compare.js";
import { dataCommand } from "./data.js";
import { evalCommand } from "./eval.js";
import { explainCommand } from "./explain.js";
import { goCommand } from "./go.js";
import { inspectCommand } from "./inspect.js";
import { modelsCommand } from "./models.js";
import { predictCommand } from "./predict.js";
import { profileCommand } from "./profile.js";
import { segmentCommand } from "./segment.js";
import { summaryCommand } from "./summary.js";
import { trainCommand } from "./train.js";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("fovea")
  .description("Convolutional neural networks, compiled to machine code for their exact shapes.")
  .version(version, "-V, --version", "show the version")
  .helpOption("-h, --help", "show this")
  .helpCommand(false)
  .configureHelp({ helpWidth: Math.min(110, process.stdout.columns ?? 110) })
  .configureOutput({
    outputError: (text, write) => write(printable(text.replace(/^error: /, "fovea: "))),
  })
  .showHelpAfterError("(see --help)")
  .exitOverride()
  .addHelpText(
    "after",
    `
Examples:
  $ fovea train lenet5 --data mnist         train LeNet-5 on handwritten digits
  $ fovea data ./pictures                   classes, sizes and broken files of a data set
  $ fovea eval runs/lenet5-mnist            loss, accuracy and confusion matrix of what was trained
  $ fovea predict runs/lenet5-mnist a.png     what it sees in pictures of your own
  $ fovea summary lenet5 --batch 64         layers, parameters, multiply-adds and planned memory
  $ fovea profile lenet5 --batch 64         where its time goes, layer by layer
  $ fovea models                            the networks known by name
  $ fovea go --help                         play Go by a network

Environment:
  FOVEA_BACKEND, FOVEA_THREADS              as --backend and --threads
  FOVEA_WINOGRAD=off                        as --no-winograd
  FOVEA_DEBUG=1                             errors with their stack`,
  );

trainCommand(program);
evalCommand(program);
predictCommand(program);
inspectCommand(program);
summaryCommand(program);
compareCommand(program);
profileCommand(program);
explainCommand(program);
dataCommand(program);
modelsCommand(program);
goCommand(program);
segmentCommand(program);

export async function run(): Promise<void> {
  await program.parseAsync();
}
