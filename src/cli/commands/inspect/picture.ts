/** A look at a network that has one name for a picture. */
import { datasetSamples } from "../../../analysis/inspect/exciting-node.js";
import { pictureSubject, writeInspection } from "../../../analysis/inspect/inspect-node.js";
import { readPicture } from "../../../data/decode/read-picture-node.js";
import { checkPreparation, preparationFor } from "../../../data/digits/preparation.js";
import { openDataset } from "../../../data/open-node.js";
import { inMemory } from "../../../data/sets/in-memory.js";
import { percent } from "../../terminal/output.js";
import { classNamed, type Inspection, type Said } from "./inspection.js";

export async function inspectPicture({ found, subject, flags, out, options }: Inspection): Promise<Said> {
  const { model } = found;
  const target = flags.class === undefined ? undefined : classNamed(flags.class, model);
  const preparation = flags.prepare ?? preparationFor(model.input, model.classes);
  checkPreparation(model.input, preparation);
  const bytes = await readPicture(subject, model.input, preparation);
  const data = flags.data === undefined ? undefined : await samplesOf(flags.data, { found, flags, options });
  const look = await writeInspection(out, model, pictureSubject(bytes, model), { ...options, target, data });
  const name = (label: number) => model.classes[label] ?? String(label);
  const { label, probabilities, gradCam } = look;
  return {
    text: `${subject}: ${name(label)} (${percent(probabilities[label]!)})`,
    event: {
      label,
      class: name(label),
      probability: probabilities[label],
      target: look.target,
      gradCam: { layer: gradCam.path, height: gradCam.height, width: gradCam.width, heat: [...gradCam.data] },
    },
  };
}

/** The first test pictures. */
async function samplesOf(named: string, { found, flags, options }: Pick<Inspection, "found" | "flags" | "options">) {
  const { model } = found;
  const [height, width, channels] = model.input as [number, number, number];
  const { note = () => {} } = options;
  const { test } = await openDataset(named, { size: [height, width], channels, note });
  const count = Math.min(flags.pictures, test.length);
  return datasetSamples(
    await inMemory(
      test,
      Array.from({ length: count }, (_, i) => i),
    ),
    model,
  );
}
