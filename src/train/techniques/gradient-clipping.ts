/**
 * Gradient clipping (Pascanu, Mikolov, Bengio 2013) as nodes of the graph. By norm: with n = sqrt(sum of all squares), added up
 * parameter after parameter in the order of the network, every gradient is multiplied by
 *
 *     c / max(n, c) = c / (c + relu(n - c))
 *
 * which is 1 exactly where n <= c. By value: g - relu(g - v) + relu(-g - v), which is g exactly where |g| <= v. NaN stays NaN.
 */
import type { Value } from "../../graph/graph.js";
import { add, divide, multiply, relu, scale, sqrt, square, subtract, sum } from "../../ops/index.js";
import type { TrainingTechniques } from "./techniques.js";

export interface ClippedGradients {
  readonly gradients: readonly Value[];
  /** Of all gradients together, before clipping; where it is clipped by it. */
  readonly norm: Value | undefined;
}

/** `names` are the paths under which the nodes of each gradient are shown. */
export function clip(
  gradients: readonly Value[],
  names: readonly string[],
  techniques: TrainingTechniques,
): ClippedGradients {
  const { clipNorm, clipValue } = techniques;
  const each = (make: (gradient: Value) => Value) =>
    gradients.map((gradient, i) => gradient.graph.scope(names[i]!, () => make(gradient)));
  if (clipValue !== undefined) {
    const above = (g: Value, sign: number) => relu(scale(g, sign, -clipValue));
    return { gradients: each((g) => add(subtract(g, above(g, 1)), above(g, -1))), norm: undefined };
  }
  const [first] = gradients;
  if (clipNorm === undefined || first === undefined) return { gradients, norm: undefined };
  const { graph } = first;
  const squares = each((gradient) => sum(square(gradient)));
  const { norm, factor } = graph.scope("gradient norm", () => {
    const norm = sqrt(squares.reduce((total, next) => add(total, next)));
    return { norm, factor: divide(graph.constant(clipNorm), scale(relu(scale(norm, 1, -clipNorm)), 1, clipNorm)) };
  });
  return { gradients: each((gradient) => multiply(gradient, factor)), norm };
}
