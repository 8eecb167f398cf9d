/** `fovea train --stream`: a run on pictures that stay on disk, killed and gone on with, and what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { events, fovea, startFovea } from "../support/cli.js";
import { writePictureFolder } from "../support/picture-folder.js";
import { temporaryFolder } from "../support/temporary.js";

const AUGMENT = "randomResizedCrop,flip";
const run = (out: string, ...more: readonly string[]) =>
  ["train", "resnet20", "--data", "./pictures", "--size", "16", "--augment", AUGMENT, "--stream"].concat(
    [
      "--epochs",
      "3",
      "--batch-size",
      "5",
      "--warmup",
      "4",
      "--checkpoint-every",
      "0.1",
      "--no-report",
      "--json",
      "--out",
      out,
    ],
    more,
  );
const model = (folder: string, name: string) => readFileSync(join(folder, name, "model.safetensors"));

it("killed in mid-epoch goes on to the bytes of a run that was not, with other workers", async () => {
  const folder = temporaryFolder();
  await writePictureFolder(join(folder, "pictures"), {
    classes: 2,
    train: 20,
    test: 4,
    sizeOf: (n) => [20 + (n % 4), 24],
  });
  const whole = await fovea(run("whole"), folder);
  expect([whole.code, whole.stderr]).toEqual([0, ""]);
  const killed = startFovea(run("killed", "--workers", "1"), folder);
  await killed.said('"event":"epoch"');
  await new Promise((resolve) => setTimeout(resolve, 150));
  killed.child.kill("SIGKILL");
  await killed.ended;
  const resumed = await fovea(["train", "--resume", "killed", "--workers", "3", "--no-report", "--json"], folder);
  expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
  expect(model(folder, "killed").equals(model(folder, "whole"))).toBe(true);
  expect(events(whole.stdout)[0]!["config"]).toMatchObject({ stream: true, size: [16, 16] });

  const measured = await fovea(["eval", "whole", "--stream", "--json"], folder);
  const held = await fovea(["eval", "whole", "--no-stream", "--json"], folder);
  const figures = ({ stdout }: { stdout: string }) => ({ ...events(stdout)[0]!, seconds: 0 });
  expect(figures(measured)).toEqual(figures(held));
  expect(figures(measured)).toMatchObject({ samples: 8 });

  const small = await fovea(run("small", "--augment", "randomCrop", "--option", "size=22"), folder);
  expect(small.code).toBe(1);
  expect(small.stderr).toMatch(/pictures\/train\/class0\/000\.jpg: .*20x24.*22x22/);
});
