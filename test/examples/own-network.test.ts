/** A network of one's own from the command line: trained, measured, looked into and profiled, as its header says. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, it } from "vitest";
import { loadMnist } from "#fovea/index-node.js";
import { events, fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const net = fileURLToPath(new URL("../../examples/own-network/net.ts", import.meta.url));

it("learns digits to 98%, and every command knows it", async () => {
  const folder = temporaryFolder();
  const run = (...words: string[]) => fovea([...words, "--module", net, "--json"], folder);
  const trained = await run("train", "--data", "mnist", "--epochs", "1");
  expect(trained.code, trained.stderr).toBe(0);
  expect(events(trained.stdout).at(-1)).toMatchObject({ event: "end" });
  expect(existsSync(join(folder, "runs/net-mnist/report.html"))).toBe(true);

  const measured = JSON.parse((await run("eval", "runs/net-mnist")).stdout);
  expect(measured.samples).toBe(10_000);
  expect(measured.accuracy).toBeGreaterThan(0.98);

  const { test } = await loadMnist();
  const digit = await sharp(test.images.slice(0, 784), { raw: { width: 28, height: 28, channels: 1 } })
    .png()
    .toBuffer();
  const picture = join(folder, "seven.png");
  await sharp(digit).toFile(picture);
  const [answer] = events((await run("predict", "runs/net-mnist", picture, "--prepare", "resize")).stdout);
  expect(answer).toMatchObject({ class: "7" });

  const looked = await run("inspect", "runs/net-mnist", picture, "--prepare", "resize", "--out", "seven.html");
  expect(looked.code, looked.stderr).toBe(0);
  expect(readFileSync(join(folder, "seven.html"), "utf8")).toContain("tower.2.second.conv");

  const summary = JSON.parse((await run("summary")).stdout);
  // Squeeze-and-excitation of 16 channels: 16 x 4 + 4 and 4 x 16 + 16.
  expect(summary.parameters).toBe(39_486);
  expect(summary.layers.find(({ path }: { path: string }) => path === "tower.0.gate.squeeze").parameters).toBe(68);
  const profile = JSON.parse((await run("profile", "--infer", "--batch", "1", "--repeats", "1")).stdout);
  expect(profile.programs[0].rows.length).toBeGreaterThan(5);
});
