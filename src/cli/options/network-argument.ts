/**
 * A network by what a user writes, for commands that look at one: a name with options, a model's file, or a run; and
 * layers in it.
 */
import { nearest, OptionError, ShapeError } from "../../base/errors.js";
import type { Shape } from "../../graph/shape.js";
import type { Network } from "../../model/trained-model.js";
import { create, definitionOf } from "../../models/index.js";
import type { Module } from "../../nn/index.js";
import { traceOne } from "../../nn/trace.js";
import { ownNetworkFrom } from "../own/record.js";
import { networkOptions } from "./arguments.js";
import { type ModelFlags, openModel } from "./model-argument.js";

export interface NetworkFlags extends ModelFlags {
  /** Height and width. */
  readonly input?: readonly [number, number];
}

/** `224` or `320x240`. */
export function inputSize(text: string): readonly [number, number] {
  const [, height, width = height] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
  if (Number(height) >= 1 && Number(width) >= 1) return [Number(height), Number(width)];
  throw new OptionError(`--input ${text}: expected pixels such as 224, or HEIGHTxWIDTH such as 320x240`);
}

/** As commands declare the argument: --module stands in for it. */
export const NETWORK_ARGUMENT = [
  "[network]",
  "a network by name (`fovea models` lists them), a .safetensors or .pth file, or a run; left out, that of --module",
] as const;

/** A path has a slash or an extension; everything else is a name. */
export async function findNetwork(
  asked: string | undefined,
  flags: NetworkFlags,
): Promise<{ network: Network; input: Shape; title: string }> {
  if (asked !== undefined && /\.[cm]?[jt]s(#\w*)?$/.test(asked)) {
    throw new OptionError(`${asked}: is code, not a network; to run it, name it by --module ${asked}`);
  }
  if (asked !== undefined && /[/\\]|\.(safetensors|pth|pt|th|ckpt|bin|pth\.tar)$/.test(asked)) {
    const { model, path } = await openModel(asked, flags);
    const title = `${model.network?.name ?? "model"} (${path})`;
    return { network: model.module, input: resized(model.module, model.input, flags.input), title };
  }
  const name = await nameOf(asked, flags);
  const options = networkOptions(name, flags.option);
  const [height, width] = flags.input ?? [];
  // A network that is built for its size is built for this one.
  const built = definitionOf(name).defaults["size"] !== undefined && options["size"] === undefined && height === width;
  const network = create(name, built && height !== undefined ? { ...options, size: height } : options);
  return { network, input: resized(network.module, network.input, flags.input), title: name };
}

async function nameOf(asked: string | undefined, { network, map, module }: NetworkFlags): Promise<string> {
  const own = await ownNetworkFrom({ module }, asked);
  const name = own?.name ?? asked;
  if (name === undefined) {
    throw new OptionError("name a network (`fovea models` lists them), a file of weights, a run, or --module FILE");
  }
  if (network === undefined && map === undefined) return name;
  throw new OptionError(
    `--network and --map: are of a file with weights, and ${name} is a network's name; leave them out`,
  );
}

/** @throws OptionError where the network's layers do not take pictures of this size. */
function resized(module: Module, input: Shape, size: readonly [number, number] | undefined): Shape {
  if (size === undefined) return input;
  if (input.length !== 3)
    throw new OptionError(`--input: the network takes ${input.join("x")} numbers, not a picture; leave it out`);
  const asked = [...size, input[2]!];
  try {
    traceOne(module, { input: asked, training: false });
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new OptionError(
      `--input ${size.join("x")}: the network is made for ${input[0]}x${input[1]}, and not all of its layers take this size; leave it out ` +
        `(${error.message})`,
      { cause: error },
    );
  }
  return asked;
}

/** Whether a layer is another or lies in it. */
export const isInside = (layer: string, path: string): boolean => layer === path || layer.startsWith(`${path}.`);

/** @param command what shows all layers without --layer */
export function noSuchLayer(path: string, layers: readonly string[], command: string): OptionError {
  // A block is on the way to a layer.
  const paths = new Set(
    layers.flatMap((layer) => layer.split(".").map((_, i, parts) => parts.slice(0, i + 1).join("."))),
  );
  const near = nearest(path, [...paths]);
  const hint = near === undefined ? `; \`${command}\` without --layer shows all` : `; did you mean "${near}"?`;
  return new OptionError(`--layer ${path}: there is no such layer${hint}`);
}
