/** A look at a network that labels every pixel. */
import { pictureSamples } from "../../../analysis/inspect/exciting-node.js";
import { pictureSubject, writeInspection } from "../../../analysis/inspect/inspect-node.js";
import { DataError, OptionError } from "../../../base/errors.js";
import { inspectPicture as headOf, readPicture } from "../../../data/decode/read-picture-node.js";
import { readWholeFile } from "../../../host/read-node.js";
import { classListOf, openScenes } from "../../../segmentation/open-scenes-node.js";
import type { FoundModel } from "../../options/model-argument.js";
import { classesOf } from "../segment/options.js";
import { classNamed, type InspectFlags, type Inspection, type Said } from "./inspection.js";

/** Rows or columns, whichever are more: every layer is kept, and every answer of occlusion computed anew. */
const LONGEST_SIDE = 512;

export async function inspectScene({ found, subject, flags, out, options }: Inspection): Promise<Said> {
  const { model } = found;
  const target = flags.class === undefined ? undefined : classNamed(flags.class, model);
  const { height, width } = await headOf(subject, await readWholeFile(subject));
  const longest = flags.longestSide ?? LONGEST_SIDE;
  const part = Math.min(1, longest / Math.max(height, width));
  const reduced = (extent: number) => Math.max(1, Math.round(part * extent));
  const shape = [reduced(height), reduced(width), model.input[2]!] as const;
  const at = flags.at === undefined ? undefined : placeIn(flags.at, [height, width], shape);
  const bytes = await readPicture(subject, shape, "resize");
  const { classes } = classesOf(model, await listOf(flags, found));
  const look = await writeInspection(out, model, pictureSubject(bytes, model, shape), {
    ...options,
    at,
    target,
    colours: classes.map(({ color }) => color),
    data: flags.data === undefined ? undefined : await samplesOf(flags.data, flags, found),
    remarks:
      part < 1
        ? [
            `The picture is ${height} × ${width} pixels; it was made smaller to ${shape[0]} × ${shape[1]}, in which rows and columns are counted here.`,
          ]
        : [],
  });
  const { places, probabilities, gradCam, label } = look;
  const shares = model.classes.map((name, i) => ({ class: name, share: places!.shares[i]! }));
  const present = shares.filter(({ share }) => share > 0).sort((a, b) => b.share - a.share);
  const said = present.slice(0, 4).map((entry) => `${entry.class} ${Math.round(100 * entry.share)}%`);
  return {
    text: `${subject}: ${said.join(", ")}${part < 1 ? ` (made smaller to ${shape[0]} x ${shape[1]})` : ""}`,
    event: {
      height: shape[0],
      width: shape[1],
      classes: present,
      label,
      class: model.classes[label],
      target: look.target,
      ...(at === undefined ? {} : { at, probability: probabilities[look.target] }),
      gradCam: { layer: gradCam.path, height: gradCam.height, width: gradCam.width, heat: [...gradCam.data] },
    },
  };
}

/** A pixel of the file, in the picture that was made smaller. @throws OptionError where it lies outside. */
function placeIn(
  [row, column]: readonly [number, number],
  [height, width]: readonly [number, number],
  [rows, columns]: readonly number[],
): readonly [number, number] {
  if (row >= height || column >= width)
    throw new OptionError(
      `--at ${row},${column}: lies outside the picture, whose rows are 0 to ${height - 1} and columns 0 to ${width - 1}`,
    );
  return [Math.floor((row * rows!) / height), Math.floor((column * columns!) / width)];
}

async function listOf({ classes }: InspectFlags, { config }: FoundModel) {
  if (classes !== undefined) return classListOf("", classes);
  // What the run learned from may have gone; then colours are made up.
  return config?.data === undefined ? undefined : classListOf(config.data, config.classList).catch(() => undefined);
}

/** Pictures of the scenes that the network was not trained on. */
async function samplesOf(data: string, { classes, pictures }: InspectFlags, { config, model }: FoundModel) {
  if (model.input[2] !== 3)
    throw new DataError(
      `--data: scenes are in colours, but the network takes ${model.input[2]} channels; leave it out`,
    );
  const { test } = await openScenes(data, { classes: classes ?? config?.classList, size: config?.size });
  return pictureSamples(test.name, test.scenes.slice(0, pictures));
}
