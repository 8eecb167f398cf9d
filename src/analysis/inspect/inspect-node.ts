/**
 * A look inside as a page: pictures are put into it as PNG, so that one file is all. Of networks that name a picture,
 * or every pixel of one.
 */

import { pick } from "../../base/options.js";
import { byteScaling } from "../../data/sets/byte-scaling.js";
import type { Shape } from "../../graph/shape.js";
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { foveaVersion } from "../../host/package-node.js";
import type { TrainedModel } from "../../model/trained-model.js";
import { pictureUri } from "../report/draw-node.js";
import { coloured, overlaid } from "./colours.js";
import { excitingSection, type ShownSamples } from "./exciting-node.js";
import type { Heat } from "./heat.js";
import { type Bytes, type Colour, labelColours, labelCutOut, labelOverlay, ringed, zoomed } from "./labels.js";
import { LOOK_OPTIONS, type Look, type LookOptions, lookInside, type PixelLabels } from "./look.js";
import { type Answer, type HeatPicture, inspectPage } from "./page.js";
import { DIVERGING, VIRIDIS } from "./ramps.js";
import { filterSection, mapSection, scaleOf } from "./tiles-node.js";

/** The picture of an inspection. */
export interface Subject {
  /** As the network takes it. */
  readonly numbers: Float32Array;
  /** As it is shown: bytes, [height, width, 1 or 3]. */
  readonly picture: {
    /** Its bytes, row by row. */
    readonly bytes: Uint8Array;
    /** [height, width, channels], of 1 or 3 channels. */
    readonly shape: readonly [number, number, number];
  };
}

/**
 * A picture's bytes as the network takes them but for scaling, [height, width, channels]; of a network that takes any
 * size, of that `shape`.
 */
export function pictureSubject(bytes: Uint8Array, model: TrainedModel, shape: Shape = model.input): Subject {
  const numbers = new Float32Array(bytes.length);
  byteScaling(model.scaling).write(bytes, 0, numbers, 0, bytes.length);
  return { numbers, picture: { bytes, shape: shape as readonly [number, number, number] } };
}

/** Options of an inspection's page. */
export interface PageOptions {
  /** Names of network and picture, in title and footer. */
  readonly names: {
    /** Name of the network. */
    readonly model: string;
    /** Name of the picture. */
    readonly picture: string;
  };
  /**
   * Words below the answers, such as that a picture was made smaller.
   * @default none
   */
  readonly remarks?: readonly string[];
  /**
   * Samples that are searched for those that excite channels most.
   * @default none: the page has no such section
   */
  readonly data?: ShownSamples | undefined;
  /**
   * Samples of `data` that are searched, from the first on.
   * @default all
   */
  readonly mostPictures?: number;
  /**
   * Classes that are shown, the likeliest first.
   * @default 5
   */
  readonly top?: number;
}

/** Options of `writeInspection`. */
export interface InspectOptions extends Omit<LookOptions, "input" | "instead">, PageOptions {
  /**
   * Whether squares of the picture are greyed one after another, which takes about a hundred predictions.
   * @default true
   */
  readonly occlusion?: boolean | undefined;
  /**
   * Layers, at most, whose maps are shown, spread over the network.
   * @default 24
   */
  readonly mostLayers?: number | undefined;
  /**
   * Colours of the classes of a network that answers for every place.
   * @default one of its own for each
   */
  readonly colours?: readonly Colour[];
}

/** Layers whose maps are shown. */
export const MOST_LAYERS = 24;
/** Pictures are shown at least this large. */
const SHOWN = { whole: 224, places: 320 } as const;
/** The least width of a picture in the page. */
const WIDTH = { whole: 13, places: 18 } as const;

/**
 * Writes a page of what a network sees in a picture: its answers, heat maps, feature maps and filters. The page is one
 * HTML file.
 * @throws as `lookInside`, and FileError if the file cannot be written
 */
export async function writeInspection(
  path: string,
  model: TrainedModel,
  subject: Subject,
  options: InspectOptions,
): Promise<Look> {
  const look = await lookInside(model, subject.numbers, {
    occlusion: true,
    mostLayers: MOST_LAYERS,
    ...pick(options as LookOptions, LOOK_OPTIONS),
    input: subject.picture.shape,
  });
  const { names, data, remarks = [] } = options;
  const nameOf = (label: number) => model.classes[label] ?? String(label);
  const colours = options.colours ?? labelColours(model.classes.length);
  const kind = look.places === undefined ? "whole" : "places";
  const name = nameOf(look.target);
  const html = inspectPage({
    title: `${names.model}: ${name}`,
    subtitle: `What ${names.model} does with ${names.picture}, as it takes it: ${subject.picture.shape.join(" × ")}.`,
    answers: answersOf(look, nameOf, colours, options.top ?? 5),
    remarks: [...remarks, ...(look.places === undefined ? [] : [questionText(look, look.places, nameOf)])],
    heats: await heatPictures(look, subject, name, colours),
    heatWidth: WIDTH[kind],
    scales: [
      await scaleOf("nothing", "the most in this picture", VIRIDIS),
      await scaleOf("maps and filters: below zero", "above zero", DIVERGING),
    ],
    sections: [
      await mapSection(look),
      await filterSection(model),
      ...(data === undefined ? [] : [await excitingSection(model, look, data, excitingOptions(options))]),
    ],
    footer: footerOf(names),
  });
  await writeFileAtomically(path, [html]);
  return look;
}

export const footerOf = ({ model, picture }: PageOptions["names"]): string =>
  `Made by fovea ${foveaVersion()} from ${model} and ${picture}.`;

export function excitingOptions({
  backend,
  threads,
  winograd,
  memoryLimit,
  note,
  mostPictures,
}: Omit<LookOptions, "target"> & PageOptions) {
  const most = mostPictures === undefined ? {} : { most: mostPictures };
  return { backend, threads, winograd, memoryLimit, note, ...most };
}

// --- Answers

function answersOf(
  { probabilities, places, target }: Look,
  nameOf: (label: number) => string,
  colours: readonly Colour[],
  top: number,
): Answer[] {
  const parts = places?.shares ?? probabilities;
  const order = [...parts.keys()].sort((a, b) => parts[b]! - parts[a]!);
  // A legend has all that there is to see.
  const first = places === undefined ? order.slice(0, top) : order.filter((label) => parts[label]! > 0);
  return [...new Set([...first, target])].map((label) => ({
    name: nameOf(label),
    part: parts[label]!,
    isTarget: label === target,
    ...(places === undefined ? {} : { colour: `rgb(${colours[label]?.join(",") ?? "20,20,20"})` }),
  }));
}

/** What the heat is about, of a network that names every place. */
function questionText({ probabilities, target }: Look, places: PixelLabels, nameOf: (label: number) => string): string {
  const { at, shares, asked, labels } = places;
  const name = nameOf(target);
  if (at !== undefined) {
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!).slice(0, 3);
    const said = order.map((label) => `${nameOf(label)} ${percent(probabilities[label]!)}`).join(", ");
    return `The heat is about ${name} at row ${at[0]}, column ${at[1]}, the pixel in the ring, of which the network says: ${said}.`;
  }
  if (shares[target] === 0)
    return `No pixel was given to ${name}: the heat is about all ${labels.length.toLocaleString("en")} pixels, and says what would speak for it.`;
  return `The heat is about the ${asked.toLocaleString("en")} pixels that were given to ${name}, taken together.`;
}

const percent = (part: number) => `${(100 * part).toFixed(1)}%`;

// --- Heat

async function heatPictures(
  look: Look,
  { picture }: Subject,
  name: string,
  colours: readonly Colour[],
): Promise<HeatPicture[]> {
  const { bytes, shape } = picture;
  const { gradCam, saliency, occlusion, places } = look;
  const zoom = Math.max(
    1,
    Math.ceil((places === undefined ? SHOWN.whole : SHOWN.places) / Math.max(shape[0], shape[1])),
  );
  const ring = (one: Bytes): Bytes => (places?.at === undefined ? one : ringed(one, places.at, zoom));
  const shown = async (title: string, note: string, one: Bytes): Promise<HeatPicture> => ({
    title,
    note,
    picture: await pictureUri(one.bytes, one.width, one.height, 3),
    isCoarse: zoom > 1,
  });
  const over = (heat: Heat, extent?: readonly [number, number]) => ring(overlaid(bytes, shape, heat, zoom, extent));
  const most = saliency.data.reduce((a, b) => Math.max(a, b), 0);
  const plain: HeatPicture = {
    title: "The picture",
    note: "as the network takes it",
    picture: await pictureUri(bytes, shape[1], shape[0], shape[2] === 3 ? 3 : 1),
    isCoarse: zoom > 1,
  };
  const heats = [
    await shown("Grad-CAM", `places of ${gradCam.path} that speak for ${name}`, over(gradCam, gradCam.extent)),
    await shown("Saliency", `pixels whose change would change the score of ${name}`, {
      ...zoomed({ ...saliency, bytes: coloured(saliency.data, VIRIDIS, 0, most) }, zoom),
    }),
  ];
  if (occlusion !== undefined)
    heats.push(await shown("Occlusion", occlusionText(look, occlusion, name), over(occlusion)));
  if (places === undefined) return [plain, ...heats];
  const rgb: Bytes = { height: shape[0], width: shape[1], bytes };
  const labelled = [await shown("What it says", "each pixel's class", ring(labelOverlay(rgb, places, colours, zoom)))];
  if (places.shares[look.target]! > 0)
    labelled.push(
      await shown(`Where it says ${name}`, "the rest is dark", ring(labelCutOut(rgb, places, look.target, zoom))),
    );
  return [plain, ...labelled, ...heats];
}

function occlusionText(
  { probabilities, places, target }: Look,
  { patch, data }: NonNullable<Look["occlusion"]>,
  name: string,
): string {
  const fall = data.reduce((a, b) => Math.max(a, b), 0);
  const of =
    places !== undefined && places.at === undefined ? "mean probability there" : percent(probabilities[target]!);
  const points = `up to ${Number((100 * fall).toPrecision(2))} points of its ${of}`;
  return `where a grey square of ${patch} pixels takes most from ${name}: ${fall > 0 ? points : "nowhere"}`;
}
