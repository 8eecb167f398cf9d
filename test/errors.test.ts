import { expect, it } from "vitest";
import { DataError, unknownName } from "#fovea/base/errors.js";

it("shows the beginning and the end of a message that quotes a file without end", () => {
  const { message } = new DataError(`a.json: name is "${"x".repeat(1e6)}"; expected a short one`);
  expect(message.length).toBeLessThan(3800);
  expect(message).toMatch(/^a\.json: name is "x+ \[\.\.\. \d+ characters \.\.\.\] x+"; expected a short one$/);
  const short = new DataError("y".repeat(3700)).message;
  expect(short).toBe("y".repeat(3700));
});

it("compares no name without end, and cuts it", () => {
  const began = process.cpuUsage().user;
  expect(unknownName("network", "z".repeat(1e6), ["lenet5", "mlp"]).message).toBe(
    `unknown network "${"z".repeat(100)}... (1000000 characters)" (known: lenet5, mlp)`,
  );
  expect(process.cpuUsage().user - began).toBeLessThan(1e6);
  expect(unknownName("network", "lenet", ["lenet5", "mlp"]).message).toBe(
    'unknown network "lenet"; did you mean "lenet5"? (known: lenet5, mlp)',
  );
});
