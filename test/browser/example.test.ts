/** The example page, served by its own command: digits drawn with simulated pointers and keys, read by a model. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { models, train } from "#fovea/index.js";
import { loadMnist, saveModel } from "#fovea/index-node.js";
import { executablePath, launch, open, scratchFolder, whyNot } from "./site.js";

const command = fileURLToPath(new URL("../../examples/browser/serve.mjs", import.meta.url));

/** Strokes of points, as parts of the pad. */
type Strokes = readonly (readonly (readonly [number, number])[])[];
const SEVEN: Strokes = [
  [
    [0.28, 0.2],
    [0.7, 0.2],
    [0.5, 0.7],
    [0.45, 0.88],
  ],
];
const FOUR: Strokes = [
  [
    [0.4, 0.15],
    [0.27, 0.55],
    [0.72, 0.53],
  ],
  [
    [0.6, 0.3],
    [0.56, 0.85],
  ],
];

async function draw(page: Page, strokes: Strokes): Promise<void> {
  const box = await page.locator("#pad").boundingBox();
  if (box === null) throw new Error("the pad is not there");
  for (const stroke of strokes) {
    for (const [i, [x, y]] of stroke.entries()) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 4 });
      if (i === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}

const ready = (page: Page) => page.waitForSelector("body[data-ready]", { timeout: 5 * 60_000 });
const answer = (page: Page) => page.locator("#digit").textContent();
/** The 28x28 bytes that go into the network. */
const seen = (page: Page) =>
  page.locator("#seen").evaluate((canvas: HTMLCanvasElement) => {
    const data = canvas.getContext("2d")?.getImageData(0, 0, 28, 28).data ?? [];
    return Array.from(data).filter((_, i) => i % 4 === 3);
  });
/** How many of the maps show anything. */
const lit = (page: Page) =>
  page.locator("#maps canvas").evaluateAll(
    (maps) =>
      maps.filter((map) => {
        const canvas = map as HTMLCanvasElement;
        const image = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height);
        return image?.data.some((byte) => byte !== 0);
      }).length,
  );

describe.skipIf(executablePath === undefined)(`the example page${whyNot}`, () => {
  const folder = scratchFolder();
  const servers: ChildProcess[] = [];
  let browser: Browser;
  const model = join(folder.path, "model.safetensors");

  beforeAll(async () => {
    const { train: digits } = await loadMnist();
    const some = {
      ...digits,
      length: 6000,
      images: digits.images.subarray(0, 6000 * 784),
      labels: digits.labels.subarray(0, 6000),
    };
    const run = await train(models.create("lenet5"), some, { epochs: 2, batchSize: 32 });
    await saveModel(model, run.model);
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.kill();
    folder.remove();
  });

  /** Starts the command and gives the address that it says. */
  async function start(...args: string[]): Promise<string> {
    const server = spawn(process.execPath, [command, "--port", "0", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    servers.push(server);
    let said = "";
    return new Promise((resolve, reject) => {
      const hear = (text: Buffer) => {
        said += text.toString();
        const url = /http:\S+/.exec(said)?.[0];
        if (url !== undefined) resolve(url);
      };
      server.stdout.on("data", hear);
      server.stderr.on("data", hear);
      server.on("exit", (code) => reject(new Error(`serve.mjs ended with code ${code}: ${said}`)));
    });
  }

  it("reads digits as they are drawn, and shows the maps of its layers", async () => {
    const { page, errors } = await open(browser, await start("--model", model));
    await ready(page);
    expect(await page.locator("#status").innerText()).toMatch(/^lenet5 \(.*model\.safetensors\) · WebAssembly on /);
    expect(await lit(page)).toBe(0);

    await draw(page, SEVEN);
    await expect.poll(() => answer(page)).toBe("7");
    expect(await page.locator("#bars .best").innerText()).toMatch(/^7\s+>?\d\d\.\d%$/);
    // 6 maps of the first convolution and 16 of the second.
    expect(await page.locator("#maps canvas").count()).toBe(22);
    expect(await lit(page)).toBeGreaterThan(8);
    expect(await page.locator("#spoken").textContent()).toMatch(/^7, .* sure$/);

    await page.getByRole("button", { name: "Clear" }).click();
    await expect.poll(() => answer(page)).toBe("");
    expect(await lit(page)).toBe(0);
    await draw(page, FOUR);
    await expect.poll(() => answer(page)).toBe("4");

    // Light ink on a dark pad is the same digit.
    const before = await seen(page);
    await page.emulateMedia({ colorScheme: "dark" });
    await draw(page, [[[0.27, 0.55]]]);
    await expect.poll(() => answer(page)).toBe("4");
    const after = await seen(page);
    expect(Math.max(...before)).toBeGreaterThan(250);
    expect(Math.max(...after.map((pixel, i) => Math.abs(pixel - before[i])))).toBeLessThan(20);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("can be used by the keyboard alone", async () => {
    const { page } = await open(browser, await start("--model", model));
    await ready(page);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    for (let i = 0; i < 22; i++) await page.keyboard.press("ArrowDown");
    await expect.poll(() => answer(page)).toBe("1");
    await page.keyboard.press("Escape");
    await expect.poll(() => answer(page)).toBe("");
    await page.close();
  });

  it("trains a model in the page where the server has none, on one thread where it sends no headers", async () => {
    const { page, errors } = await open(browser, await start("--model", "none", "--digits", "3000", "--plain"));
    await page.waitForSelector("#training:not([hidden])");
    await ready(page);
    expect(await page.locator("#status").innerText()).toMatch(
      /^lenet5 \(trained here in .* s, \d\d\.\d% right on 2,000 others\) · WebAssembly on one thread\nno SharedArrayBuffer here/,
    );
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(false);
    await draw(page, SEVEN);
    await expect.poll(() => answer(page)).toBe("7");
    expect(errors).toEqual([]);
    await page.close();
  });
});
