import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { Progress, showCount, showTime } from "#fovea/cli/terminal/progress.js";

/** A stream that keeps what is written, and a clock that a test moves. */
function scene(
  options: { terminal?: boolean; columns?: number; environment?: Record<string, string>; done?: number } = {},
) {
  const { terminal = true, columns = 100, environment = {}, done } = options;
  const written: string[] = [];
  const clock = { ms: 1000 };
  const stream = { write: (text: string) => written.push(text), isTTY: terminal, columns };
  const progress = new Progress({
    total: 1000,
    label: "epoch 1/2",
    unit: "images",
    done,
    stream,
    now: () => clock.ms,
    environment,
  });
  /** What a terminal shows: each carriage return with an erase starts the line anew. */
  const screen = () =>
    written
      .join("")
      .split("\n")
      .map((line) => stripVTControlCharacters(line.slice(line.lastIndexOf("\r") + 1)));
  return { progress, written, clock, stream, screen };
}

describe("on a terminal", () => {
  it("draws label, bar, percent, speed, figures and time left", () => {
    const { progress, clock, screen } = scene();
    clock.ms += 500;
    progress.update(250, { loss: 0.123456 });
    // 250 images in half a second: 500 a second, 750 to go.
    expect(screen()).toEqual([
      `epoch 1/2  ${"━".repeat(8)}${"─".repeat(22)}   25%  500 images/s  loss 0.1235  0:02 left`,
    ]);
  });

  it("redraws at most ten times a second", () => {
    const { progress, clock, written } = scene();
    for (let i = 0; i < 1000; i++, clock.ms++) progress.update(i);
    expect(written).toHaveLength(10);
  });

  it("never reaches the last column, and leaves parts out from the end", () => {
    const seen: string[] = [];
    for (let columns = 1; columns <= 120; columns++) {
      const { progress, clock, screen } = scene({ columns });
      clock.ms += 500;
      progress.update(250, { loss: 0.5, accuracy: 0.25 });
      expect(screen()).toHaveLength(1);
      expect(screen()[0].length).toBeLessThan(columns);
      if (columns === 20 || columns === 40 || columns === 60) seen.push(screen()[0]);
    }
    expect(seen).toMatchInlineSnapshot(`
      [
        "epoch 1/2   25%",
        "epoch 1/2  ━━──────   25%  500 images/s",
        "epoch 1/2   25%  500 images/s  loss 0.5000  accuracy 0.2500",
      ]
    `);
  });

  it("follows a terminal that changes its width", () => {
    const { progress, clock, stream, screen } = scene();
    clock.ms += 500;
    progress.update(250);
    stream.columns = 30;
    clock.ms += 500;
    progress.update(500);
    expect(screen()[0].length).toBeLessThan(30);
  });

  it("forgets old speed: what counts is the last few seconds", () => {
    const { progress, clock, screen } = scene();
    for (let i = 1; i <= 100; i++) {
      clock.ms += 100;
      progress.update(i);
    }
    expect(screen()[0]).toContain("10 images/s");
    for (let i = 1; i <= 100; i++) {
      clock.ms += 100;
      progress.update(100 + 4 * i);
    }
    // After ten seconds e^(-10/3) = 3.6% of the old speed is left: 40 - 30 x 0.035.
    expect(screen()[0]).toContain("39 images/s");
  });

  it("is not misled by a first draw that comes at once", () => {
    const { progress, clock, screen } = scene();
    clock.ms += 0.1;
    progress.update(50);
    clock.ms += 1000;
    progress.update(150);
    // The first 50 weigh e^(-1/3) = 0.72 by now, and their tenth of a millisecond next to nothing.
    expect(screen()[0]).toContain("136 images/s");
  });

  it("counts only what this run did into the speed", () => {
    const { progress, clock, screen } = scene({ done: 500 });
    clock.ms += 1000;
    progress.update(600);
    expect(screen()[0]).toContain("100 images/s");
    expect(screen()[0]).toContain("0:04 left");
    progress.finish();
    expect(screen()[0]).toBe("epoch 1/2   60%  100 images/s  in 0:01");
  });

  it("writes lines above the bar, and one line in its place at the end", () => {
    const { progress, clock, screen } = scene({ columns: 50 });
    clock.ms += 500;
    progress.update(250);
    progress.log("a line");
    clock.ms += 1500;
    progress.update(1000, { loss: 0.25 });
    progress.finish();
    progress.update(1000);
    expect(screen()).toEqual(["a line", "epoch 1/2  100%  500 images/s  loss 0.2500  in 0:02", ""]);
  });

  it("takes its line away when stopped", () => {
    const { progress, clock, screen, written } = scene();
    clock.ms += 500;
    progress.update(250);
    progress.stop();
    progress.finish();
    progress.log("interrupted");
    expect(screen()).toEqual(["interrupted", ""]);
    // Nothing but "erase this line" and colours is ever asked of the terminal: no cursor is hidden.
    const start = String.fromCharCode(27);
    const codes = written.join("").match(new RegExp(`${start}\\[[^A-Za-z]*[A-Za-z]`, "g")) ?? [];
    expect(new Set(codes.map((code) => code.at(-1)))).toEqual(new Set(["K", "m"]));
  });

  it("uses no colour where NO_COLOR is set", () => {
    for (const [environment, coloured] of [
      [{}, true],
      [{ NO_COLOR: "" }, true],
      [{ NO_COLOR: "1" }, false],
    ] as const) {
      const { progress, written } = scene({ environment });
      progress.update(1);
      expect(written.join("").includes("m━") || written.join("").includes("m─")).toBe(coloured);
    }
  });

  it("says how fast it is, be it slow", () => {
    for (const [done, speed] of [
      [1, "12 images/min"],
      [12, "2.4 images/s"],
      [60, "12 images/s"],
    ] as const) {
      const { progress, clock, screen } = scene();
      clock.ms += 5000;
      progress.update(done);
      expect(screen()[0]).toContain(`  ${speed}`);
    }
  });

  it("survives an empty total and more than the total", () => {
    const { progress, clock, screen } = scene();
    clock.ms += 500;
    progress.update(2000);
    expect(screen()[0]).toContain("100%  4,000 images/s  0:00 left");
  });
});

describe("elsewhere", () => {
  it.each([
    ["a pipe", { terminal: false }],
    ["a terminal that can do nothing", { environment: { TERM: "dumb" } }],
  ])("writes plain lines every five seconds and at the end: %s", (_, options) => {
    const { progress, clock, written } = scene(options);
    for (let i = 1; i <= 110; i++) {
      clock.ms += 100;
      progress.update(9 * i, { loss: 1 / i });
    }
    progress.finish();
    expect(written).toEqual([
      "epoch 1/2   45%  90 images/s  loss 0.02000  0:06 left\n",
      "epoch 1/2   90%  90 images/s  loss 0.01000  0:01 left\n",
      "epoch 1/2   99%  90 images/s  loss 0.009091  in 0:11\n",
    ]);
  });

  it("writes only the end of what is short", () => {
    const { progress, clock, written } = scene({ terminal: false });
    clock.ms += 800;
    progress.update(1000, { loss: 0.5 });
    progress.finish("epoch 1/2 done");
    expect(written).toEqual(["epoch 1/2 done\n"]);
  });
});

it("shows counts and times", () => {
  expect([0, 999, 1000, 1234567].map(showCount)).toEqual(["0", "999", "1,000", "1,234,567"]);
  expect([0, 7400, 59_900, 725_000, 3_723_000].map(showTime)).toEqual(["0:00", "0:07", "1:00", "12:05", "1:02:03"]);
});
