/** `fovea models`: the networks that are known by name. */
import type { Command } from "commander";
import { list } from "../../models/index.js";
import { Output, table } from "../terminal/output.js";
import { showCount } from "../terminal/progress.js";

export function modelsCommand(program: Command): void {
  program
    .command("models")
    .summary("list the networks known by name")
    .description("Lists the networks known by name, with what each takes and its parameters at the published options.")
    .option("--json", "one JSON object a network on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea models
  $ fovea models --json | grep resnet
  $ fovea summary resnet20                  one network, layer by layer`,
    )
    .action(showModels);
}

function showModels(flags: { readonly json?: boolean }): void {
  const output = new Output(flags.json ?? false);
  const all = [...list(), ...list("segmentation")];
  const rows = all.map(({ name, description, task, defaults, parameters, input, classes }) => {
    const takes = input(defaults);
    const gives = classes(defaults);
    const answers = task === undefined ? {} : { task };
    output.event({
      network: name,
      ...answers,
      input: takes,
      classes: gives,
      parameters,
      options: defaults,
      description,
    });
    return [name, takes.join("x"), String(gives), showCount(parameters), description];
  });
  output.say(table(["network", "takes", "classes", "parameters", "what it is"], rows));
}
