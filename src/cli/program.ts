import { Command } from "commander";
import { printable } from "../base/text.js";
import { foveaVersion } from "../host/package-node.js";
import { compareCommand } from "./commands/compare.js";
import { dataCommand } from "./commands/data/data.js";
import { evalCommand } from "./commands/eval.js";
import { explainCommand } from "./commands/explain/explain.js";
import { goCommand } from "./commands/go/go.js";
import { inspectCommand } from "./commands/inspect/inspect.js";
import { modelsCommand } from "./commands/models.js";
import { predictCommand } from "./commands/predict.js";
import { printCommand } from "./commands/print/print.js";
import { profileCommand } from "./commands/profile/profile.js";
import { segmentCommand } from "./commands/segment/segment.js";
import { summaryCommand } from "./commands/summary.js";
import { trainCommand } from "./commands/train/train.js";

const version = foveaVersion();

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
  $ fovea print lenet5 --layer conv1        from graph to machine code, stage by stage
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
printCommand(program);
explainCommand(program);
dataCommand(program);
modelsCommand(program);
goCommand(program);
segmentCommand(program);

export async function run(): Promise<void> {
  await program.parseAsync();
}
