/** `fovea segment`: networks that label every pixel of a scene. Each subcommand is a file of its own. */
import type { Command } from "commander";
import { segmentEvalCommand } from "./eval.js";
import { segmentPredictCommand } from "./predict.js";
import { segmentTrainCommand } from "./train.js";

export function segmentCommand(program: Command): void {
  const segment = program
    .command("segment")
    .summary("label every pixel of a picture")
    .description("Trains, measures and uses networks that label every pixel of a scene: road, car, tree.")
    .helpOption("-h, --help", "show this")
    .helpCommand(false)
    .addHelpText(
      "after",
      `
Examples:
  $ fovea segment train unet --data scenes --option widths=8,16,32      scenes of digits, from nothing
  $ fovea segment train unet --data ./camvid --classes camvid           pictures and label pictures
  $ fovea segment eval runs/unet-camvid --vote                          classes, mean IoU; superpixels vote
  $ fovea segment predict runs/unet-camvid street.jpg --overlay         a picture with its classes over it`,
    );
  segmentTrainCommand(segment);
  segmentEvalCommand(segment);
  segmentPredictCommand(segment);
}
