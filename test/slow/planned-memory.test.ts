/** Five networks of the zoo, in training and inference: what is planned against the growth of the resident size by the first step. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const script = fileURLToPath(new URL("../../bench/fovea/memory.mjs", import.meta.url));

it.each([
  ["resnet20", 128],
  ["alexnet", 16],
  ["vgg16", 8],
  ["resnet18", 16],
  ["resnet50", 16],
])("of %s at batch %i is within a tenth", async (network, batch) => {
  for (const what of ["train", "infer"]) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify({ network, what, batch })]);
    const { planned, growth } = JSON.parse(stdout) as { readonly planned: number; readonly growth: number };
    console.log(
      `${what} ${network}, ${batch}: planned ${(planned / 1e6).toFixed(0)} MB, growth ${(growth / 1e6).toFixed(0)} MB`,
    );
    expect(Math.abs(planned / growth - 1), `${what} ${network}: planned ${planned}, growth ${growth}`).toBeLessThan(
      0.1,
    );
  }
});
