/** A look at a position of Go as a page: boards are SVG, maps and filters PNG, so that one file is all. */

import { excitingSection, type ShownSamples } from "../../analysis/inspect/exciting-node.js";
import type { Heat } from "../../analysis/inspect/heat.js";
import { excitingOptions, footerOf, MOST_LAYERS, type PageOptions } from "../../analysis/inspect/inspect-node.js";
import type { Bytes } from "../../analysis/inspect/labels.js";
import { type HeatPicture, inspectPage, type Section } from "../../analysis/inspect/page.js";
import { DIVERGING, type Ramp, VIRIDIS } from "../../analysis/inspect/ramps.js";
import { filterSection, inputSection, mapSection, scaleOf } from "../../analysis/inspect/tiles-node.js";
import { pick } from "../../base/options.js";
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import type { TrainedModel } from "../../model/trained-model.js";
import type { Board } from "../board/board.js";
import { BLACK, colourName, EMPTY, PASS, vertexName, WHITE } from "../board/geometry.js";
import { boardSvg } from "../board/picture.js";
import { PlaneEncoder } from "../policy/planes.js";
import { boardOf } from "../policy/policy.js";
import {
  type Game,
  lookAtPosition,
  numbersOf,
  POSITION_OPTIONS,
  type PositionLook,
  type PositionOptions,
  positionBefore,
} from "./look-position.js";
import { planeName } from "./plane-names.js";

/** Options of `writePositionInspection`. */
export interface InspectPositionOptions extends PositionOptions, PageOptions {
  /**
   * Whether each stone is taken off the board in turn.
   * @default true
   */
  readonly occlusion?: boolean | undefined;
  /**
   * Layers, at most, whose maps are shown, spread over the network.
   * @default 24
   */
  readonly mostLayers?: number | undefined;
}

/**
 * Writes a page of what a policy network sees in a position of Go. The page is one HTML file.
 * @throws as `lookAtPosition`, and FileError if the file cannot be written
 */
export async function writePositionInspection(
  path: string,
  model: TrainedModel,
  game: Game,
  options: InspectPositionOptions,
): Promise<PositionLook> {
  const look = await lookAtPosition(model, game, {
    occlusion: true,
    mostLayers: MOST_LAYERS,
    ...pick(options as PositionOptions, POSITION_OPTIONS),
  });
  const { names, data, remarks = [], top = 5, move } = options;
  const { size, target, legal, probabilities, planes, removed } = look;
  const nameOf = (vertex: number) => vertexName(vertex, size);
  const order = [...legal.keys()].filter((vertex) => legal[vertex] === 1);
  order.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  const sections: Section[] = [
    await inputSection(planes, size),
    await mapSection(look),
    await filterSection(model, (channel) => planeName(channel, planes.length)),
  ];
  if (data !== undefined) sections.push(await excitingSection(model, look, data, excitingOptions(options)));
  const when = move === undefined ? `at the end of ${names.picture}` : `before move ${move} of ${names.picture}`;
  const html = inspectPage({
    title: `${names.model}: ${nameOf(target)}`,
    subtitle: `What ${names.model} would play ${when}, ${colourName(look.toMove)} to move.`,
    answers: [...new Set([...order.slice(0, top), target])].map((vertex) => ({
      name: nameOf(vertex),
      part: probabilities[vertex]!,
      isTarget: vertex === target,
    })),
    remarks: [...remarks, ...playedText(look, order)],
    heats: boards(look, positionBefore(game, move).board),
    heatWidth: 26,
    scales: [
      await scaleOf("Grad-CAM and saliency: nothing", "the most on this board", VIRIDIS),
      ...(removed === undefined
        ? []
        : [await scaleOf("stones: the move is likelier without it", "less likely without it", DIVERGING)]),
      await scaleOf("planes, maps and filters: below zero", "above zero", DIVERGING),
    ],
    sections,
    footer: footerOf(names),
  });
  await writeFileAtomically(path, [html]);
  return look;
}

const percent = (part: number) => `${(100 * part).toFixed(1)}%`;

function playedText({ last, played, probabilities, size, toMove }: PositionLook, order: readonly number[]): string[] {
  const before = last === undefined ? [] : [`The move before was ${vertexName(last, size)}.`];
  if (played === undefined) return before;
  const name = `${colourName(toMove)} played ${vertexName(played, size)}`;
  const rank = order.indexOf(played) + 1;
  const judged = played === PASS || rank === 0 ? "" : `: ${percent(probabilities[played]!)}, its choice number ${rank}`;
  return [[...before, `In the game ${name}${judged}.`].join(" ")];
}

// --- Boards

function boards(look: PositionLook, board: Board): HeatPicture[] {
  const { legal, probabilities, target, size, gradCam, saliency, removed } = look;
  const name = vertexName(target, size);
  const shown = (title: string, note: string, picture: Partial<Parameters<typeof boardSvg>[0]>): HeatPicture => ({
    title,
    note,
    picture: boardSvg({ board, marked: target, ...picture }),
    isCoarse: false,
  });
  const pictures = [
    shown("The position", `where it would play, in percent; the ring is the move asked about, ${name}`, {
      probabilities: probabilities.map((probability, vertex) => (legal[vertex] === 1 ? probability : 0)),
    }),
    shown("Grad-CAM", `places of ${gradCam.path} that speak for ${name}`, { squares: squaresOf(gradCam, size) }),
    shown("Saliency", `points whose planes would change the score of ${name} most`, {
      squares: squaresOf(saliency, size),
    }),
  ];
  if (removed !== undefined) {
    const most = removed.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const points = `in points of its ${percent(probabilities[target]!)}`;
    pictures.push(
      shown(
        "Stones taken away",
        most > 0
          ? `by how much ${name} becomes less likely without each stone, ${points}`
          : `no stone makes a difference to ${name}`,
        { discs: discsOf(removed, board, most) },
      ),
    );
  }
  return pictures;
}

const css = (ramp: Ramp, part: number): string =>
  `rgb(${ramp[Math.max(0, Math.min(255, Math.round(255 * part)))]!.join(",")})`;

/**
 * A map as large as the board: networks for Go pool nothing; of any other size, the place of the map that a point lies
 * in.
 */
function squaresOf({ height, width, data }: Heat, size: number): string[] {
  const most = data.reduce((a, b) => Math.max(a, b), 0) || 1;
  return Array.from({ length: size * size }, (_, vertex) => {
    const [row, column] = [Math.floor(vertex / size), vertex % size];
    return css(VIRIDIS, data[Math.floor((row * height) / size) * width + Math.floor((column * width) / size)]! / most);
  });
}

function discsOf({ data }: Heat, board: Board, most: number) {
  const stones = [...board.geometry.pointOf.keys()].filter((vertex) => board.at(vertex) !== EMPTY);
  return new Map(
    stones.map((vertex) => {
      const part = most > 0 ? data[vertex]! / most : 0;
      const points = 100 * data[vertex]!;
      const text = Math.abs(points) < 0.5 ? "" : String(Math.round(points)).replace("-", "−");
      return [vertex, { fill: css(DIVERGING, 0.5 + part / 2), text, ink: Math.abs(part) > 0.6 ? "#fff" : "#222" }];
    }),
  );
}

// --- Positions that excite

/** A position to search. */
export interface NamedPosition {
  /** The game. */
  readonly game: Game;
  /** Before this move, from 1. */
  readonly move: number;
  /** Words below it. */
  readonly name: string;
}

/** Positions of games to look through. */
export function positionSamples(name: string, positions: readonly NamedPosition[], model: TrainedModel): ShownSamples {
  const { size, planes } = boardOf(model);
  const encoder = new PlaneEncoder(size, planes);
  const of = (i: number) => positionBefore(positions[i]!.game, positions[i]!.move);
  return {
    name,
    things: "positions",
    length: positions.length,
    zoom: SQUARE,
    frame: [20, 80, 200],
    shapeOf: () => model.input,
    numbersOf(i) {
      const { board, toMove } = of(i);
      encoder.encode(board, toMove);
      return numbersOf(encoder);
    },
    drawn: (i) => boardBytes(of(i).board),
    captionOf: (i) => positions[i]!.name,
  };
}

/** Pixels from line to line of a small board. */
const SQUARE = 7;
const WOOD = [222, 184, 120] as const;
const COLOURS = { [EMPTY]: [190, 150, 90], [BLACK]: [25, 25, 25], [WHITE]: [250, 250, 250] } as const;

/** A small board: no more than its stones and crossings. */
function boardBytes(board: Board): Bytes {
  const side = board.size * SQUARE;
  const bytes = new Uint8Array(3 * side * side);
  const middle = (SQUARE - 1) / 2;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const vertex = Math.floor(y / SQUARE) * board.size + Math.floor(x / SQUARE);
      const stone = board.at(vertex) as keyof typeof COLOURS;
      const distance = Math.hypot((x % SQUARE) - middle, (y % SQUARE) - middle);
      const isInside = stone === EMPTY ? distance === 0 : distance <= middle + 0.3;
      bytes.set(isInside ? COLOURS[stone] : WOOD, 3 * (y * side + x));
    }
  return { height: side, width: side, bytes };
}
