/** Asks a classifier about several views of each picture and averages what it says (data/augment/views.ts). */
import type { Picture } from "../data/augment/augment.js";
import { type TestTimeAugmentation, Viewer, viewsOf } from "../data/augment/views.js";
import type { Shape } from "../graph/shape.js";
import type { Classifier } from "./classifier.js";

/** `shape` is that of the pictures, which may be larger than what the network takes. Gives probabilities a picture. */
export function viewClassifier(
  classify: Classifier,
  name: TestTimeAugmentation,
  shape: Shape,
): (pictures: readonly Uint8Array[]) => Promise<Float32Array[]> {
  const { input, scaling } = classify.model;
  const views = viewsOf(name, shape, input);
  const viewer = new Viewer(input, scaling);
  const [height, width, channels] = shape as readonly [number, number, number];
  return async (pictures) => {
    const means: Float64Array[] = [];
    for (const view of views) {
      const seen = pictures.map((pixels) => {
        const picture: Picture = { height, width, channels, pixels };
        const numbers = new Float32Array(viewer.size);
        viewer.write(picture, view, numbers, 0);
        return numbers;
      });
      for (const [i, { probabilities }] of (await classify.all(seen)).entries()) {
        const mean = means[i] ?? new Float64Array(probabilities.length);
        for (let k = 0; k < mean.length; k++) mean[k]! += view.weight * probabilities[k]!;
        means[i] = mean;
      }
    }
    return means.map((mean) => Float32Array.from(mean));
  };
}
