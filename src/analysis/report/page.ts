/** The report's page. */

import { describeAugmentation } from "../../data/augment/grammar.js";
import { inputsText } from "../../nn/inputs.js";
import { describeOptimizer, describeSchedule, named } from "../../run/config.js";
import { bestEpoch } from "../../train/evaluate/best-epoch.js";
import { watchName } from "../../train/techniques/techniques.js";
import { confusedPairs } from "./confused-pairs.js";
import { documentOf, madeBy } from "./document.js";
import { escapeXml as escaped } from "./figure.js";
import { mistakesNote } from "./mistakes.js";
import { count, definitions, machineRows, percent, section, table, time, times } from "./parts.js";
import { type Pictures, type ReportData, reportTitle, trainingSeconds } from "./report-data.js";

/** More epochs are folded away. */
const OPEN_EPOCHS = 15;

export function page(data: ReportData, pictures: Pictures): string {
  const title = reportTitle(data);
  const frame = { title, subtitle: state(data), footer: madeBy(data.version, data.date, data.folder) };
  return documentOf(
    frame,
    `${headline(data)}
${curveSection(data, pictures)}
${confusionSection(data, pictures)}
${mistakeSection(data, pictures)}
${filterSection(pictures)}
${section("Epochs", epochTable(data))}
${section("Network", layerTable(data))}
<div class="pair">
${section("Settings", definitions(settingRows(data)))}
${section("Machine", definitions(machineRows(data)))}
</div>`,
  );
}

function state({ completed, history, config, step, stepsPerEpoch }: ReportData): string {
  const { epochs } = config;
  if (completed && history.length < epochs) {
    const { patience, watch } = config;
    return `Stopped early after ${history.length} of ${epochs} epochs: no better ${history.at(-1)?.val === undefined ? "test" : "val"} ${watchName(watch)} in ${patience}.`;
  }
  if (completed) return `${epochs} ${epochs === 1 ? "epoch" : "epochs"}, finished.`;
  const inside = step - history.length * stepsPerEpoch;
  return `Stopped after ${history.length} of ${epochs} epochs${inside > 0 ? ` and ${inside} of the next ${stepsPerEpoch} steps` : ""}. What follows is about the whole epochs.`;
}

function headline({ history, train, summary, config }: ReportData): string {
  const last = history.at(-1);
  const figures: [string, string][] = [];
  if (last !== undefined) {
    const { accuracy } = last.test ?? last.train;
    const half = last.test === undefined ? "training" : "test";
    figures.push([`${half} accuracy`, percent(accuracy)], [`${half} error`, percent(1 - accuracy)]);
    for (const [name, value] of Object.entries(last.test?.metrics ?? {}))
      figures.push([escaped(name), value.toFixed(4)]);
    const best = bestEpoch(history, config.watch);
    if (best?.test !== undefined && best !== last) {
      figures.push([`of the best epoch, ${best.epoch} (best.safetensors)`, percent(best.test.accuracy)]);
    }
    const seconds = trainingSeconds(history);
    figures.push(["time of training", time(seconds)]);
    if (seconds > 0) figures.push(["images a second", count((history.length * train.length) / seconds)]);
  }
  figures.push(["parameters", count(summary.parameters)]);
  const items = figures.map(([name, value]) => `<div><b>${value}</b><span>${name}</span></div>`).join("");
  return `<div class="figures">${items}</div>`;
}

function curveSection({ history }: ReportData, { loss, accuracy }: Pictures): string {
  if (history.length === 0 || loss === undefined || accuracy === undefined)
    return section("Loss and accuracy", "<p>There is no whole epoch yet.</p>");
  return section(
    "Loss and accuracy",
    `<div class="pair"><figure>${loss.svg}</figure><figure>${accuracy.svg}</figure></div>`,
  );
}

function confusionSection({ tested, history }: ReportData, { confusion }: Pictures): string {
  if (tested === undefined || confusion === undefined) {
    return history.length === 0 ? "" : section("Mistakes", "<p>There were no test pictures to measure with.</p>");
  }
  const { classes } = tested;
  const pairs = confusedPairs(tested.confusion, 8).map(
    (pair) =>
      `<li>${escaped(classes[pair.actual]!)} → ${escaped(classes[pair.predicted]!)} <span class="soft">${times(pair.count)}</span></li>`,
  );
  const list = pairs.length === 0 ? "" : `<div><h3>Taken for each other most</h3><ol>${pairs.join("")}</ol></div>`;
  return section(
    "What was taken for what",
    `<div class="beside"><figure style="max-width:${confusion.width}px">${confusion.svg}</figure>${list}</div>`,
    `${count(tested.samples)} test pictures; the colour is the logarithm of the count (the brightest stands for more, too), at the right each class's part that was right. ${confusion.note}`,
  );
}

function mistakeSection({ tested }: ReportData, { mistakes }: Pictures): string {
  if (tested === undefined) return "";
  if (mistakes.length === 0) return section("What it got wrong", "<p>Nothing.</p>");
  const tiles = mistakes.map(({ picture, actual, predicted, probability }) => {
    const [a, p] = [escaped(actual), escaped(predicted)];
    return `<figure><img src="${picture}" alt="${a} taken for ${p}"><figcaption>${a} <b>→ ${p}</b><span class="soft">${(100 * probability).toFixed(0)}%</span></figcaption></figure>`;
  });
  return section(
    "What it got wrong",
    `<div class="tiles">${tiles.join("")}</div>`,
    mistakesNote(mistakes.length, tested.mistakes.total),
  );
}

function filterSection({ filters }: Pictures): string {
  if (filters === undefined) return "";
  return section("First layer", `<figure style="max-width:${filters.width}px">${filters.svg}</figure>`, filters.note);
}

function epochTable({ history, train }: ReportData): string {
  if (history.length === 0) return "";
  const tested = history.some((record) => record.test !== undefined);
  const head = [
    "epoch",
    "loss",
    "accuracy",
    ...(tested ? ["test loss", "test accuracy"] : []),
    "learning rate",
    "time",
    "images/s",
  ];
  const rows = history.map(({ epoch, train: figures, test, learningRate, trainSeconds }) => [
    String(epoch),
    figures.loss.toFixed(4),
    percent(figures.accuracy),
    ...(tested ? [test?.loss.toFixed(4) ?? "", test === undefined ? "" : percent(test.accuracy)] : []),
    String(Number(learningRate.toPrecision(3))),
    time(trainSeconds),
    trainSeconds > 0 ? count(train.length / trainSeconds) : "",
  ]);
  const whole = table(head, rows);
  return rows.length <= OPEN_EPOCHS ? whole : `<details><summary>All ${rows.length}</summary>${whole}</details>`;
}

function layerTable({ summary, config }: ReportData): string {
  const rows = summary.layers.map((layer) => [
    layer.path || "(network)",
    layer.kind,
    layer.output.join(" × "),
    count(layer.parameters),
    count(layer.multiplyAdds),
  ]);
  const total = ["total", "", "", count(summary.parameters), count(summary.multiplyAdds)];
  const note = `<p class="soft">${escaped(named(config.network, config.options))}, takes ${inputsText(summary.input, " × ")}.</p>`;
  return note + table(["layer", "kind", "output", "parameters", "multiply-adds"], [...rows, total], 3);
}

function settingRows({ config, train, test, stepsPerEpoch }: ReportData): [string, string][] {
  const numbers = (values: readonly number[]) => values.map((x) => Number(x.toPrecision(4))).join(", ");
  return [
    ["data", config.data],
    ["training pictures", `${count(train.length)} of ${train.shape.join(" × ")}`],
    ["test pictures", test === undefined ? "none" : count(test.length)],
    ["classes", `${train.classes.length}`],
    ["scaling", `mean ${numbers(train.mean)}, standard deviation ${numbers(train.std)}`],
    ["epochs", `${config.epochs} of ${count(stepsPerEpoch)} steps`],
    ["batch size", String(config.batchSize)],
    ["optimizer", describeOptimizer(config.optimizer)],
    ["schedule", describeSchedule(config.schedule)],
    ["augmentation", config.augment === undefined ? "none" : describeAugmentation(config.augment)],
    ["distortions", config.distort === undefined ? "none" : named("anew in every epoch", { ...config.distort })],
    ["seed", String(config.seed)],
  ];
}
