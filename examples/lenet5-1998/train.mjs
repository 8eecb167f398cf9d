/**
 * LeNet-5 as published (LeCun, Bottou, Bengio, Haffner 1998), trained on MNIST with distorted digits: 60,000 parameters, test
 * error below the paper's 0.8%. log.txt is what this printed on two cores:
 *
 *     node examples/lenet5-1998/train.mjs lenet5-1998.safetensors | tee examples/lenet5-1998/log.txt
 *
 * Ours is plain stochastic gradient descent with momentum where the paper had a stochastic diagonal Levenberg-Marquardt method (its
 * appendix C), batches of 64 where it had single digits, and distortions as far as we chose: it does not say how far.
 */
import os from "node:os";
import { DISTORT_DEFAULTS, models, sgd, train } from "fovea";
import { loadMnist, saveModel } from "fovea/node";

const recipe = {
  epochs: 20,
  batchSize: 64,
  optimizer: sgd({ lr: 0.003, momentum: 0.9 }),
  // The squashing units saturate where the first steps are too long: hence a warm-up.
  schedule: { kind: "cosine", warmupSteps: 500 },
  distort: DISTORT_DEFAULTS,
  seed: 0,
};

const network = models.create("lenet5-1998");
const digits = await loadMnist();
const { optimizer, distort, ...rest } = recipe;
console.log(`network    lenet5-1998 ${JSON.stringify(network.options)}`);
console.log(`recipe     ${JSON.stringify({ ...rest, optimizer: { name: optimizer.name, ...optimizer.options } })}`);
console.log(`distort    ${JSON.stringify(distort)}`);
console.log(`machine    ${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, Node ${process.version}\n`);

const percent = (accuracy) => `${(100 * (1 - accuracy)).toFixed(2)}%`;
const started = performance.now();
const { model, history } = await train(network, digits.train, {
  ...recipe,
  test: digits.test,
  onEpoch: ({ epoch, train, test, trainSeconds }) =>
    console.log(
      `epoch ${String(epoch).padStart(2)}  loss ${train.loss.toFixed(4)}  error ${percent(train.accuracy)} (distorted)  ` +
        `test loss ${test.loss.toFixed(4)}  test error ${percent(test.accuracy)}  ${trainSeconds.toFixed(1)} s`,
    ),
});
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(`\ntest error ${percent(history.at(-1).test.accuracy)} after ${history.length} epochs and ${seconds} s`);

const path = process.argv[2];
if (path !== undefined) await saveModel(path, model);
