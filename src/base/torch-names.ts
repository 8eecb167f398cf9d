/**
 * What other libraries, PyTorch first, call the options that have another name here. Names are compared without
 * underscores and capitals: `in_channels` and `inChannels` are one. Where what is meant has another form here, the form
 * follows the name.
 */

const OWN_LOSS = 'it is the network\'s: network.loss = { kind: "own", of: (outputs, labels) => ... }';

/** By their name, ours: the first that is an option of what is asked for is meant. */
const RENAMED: Readonly<Record<string, readonly string[]>> = {
  in_channels: ["in"],
  in_features: ["in"],
  out_channels: ["out"],
  out_features: ["out"],
  units: ["out"],
  filters: ["out"],
  num_features: ["channels"],
  num_channels: ["channels"],
  kernel_size: ["kernel"],
  strides: ["stride"],
  paddings: ["padding"],
  dilations: ["dilation"],
  dilation_rate: ["dilation"],
  use_bias: ["bias"],
  output_paddings: ["outputPadding"],
  epsilon: ["eps"],
  ceil_mode: ["ceil"],
  count_include_pad: ['divisor: "window" counts the padding, "valid" leaves it out'],
  divisor_override: ["divisor: a number divides each sum"],
  scale_factor: ["scaleFactor"],
  output_size: ["size"],
  interpolation: ["mode"],
  dim: ['axes: ["channels"] or [2]; the batch is no axis'],
  axis: ['axes: ["channels"] or [2]; the batch is no axis'],
  // Optimisers, and what stands in an optimiser's options.
  learning_rate: ["lr", "optimizer: sgd({ lr: ... })"],
  lr: ["optimizer: sgd({ lr: ... })"],
  momentum: ["betas: [momentum, 0.999]", "optimizer: sgd({ lr: ..., momentum: ... })"],
  nesterov: ["optimizer: sgd({ lr: ..., momentum: ..., nesterov: true })"],
  weight_decay: ["weightDecay", "optimizer: sgd({ lr: ..., weightDecay: ... })"],
  beta1: ["betas: [beta1, beta2]"],
  beta2: ["betas: [beta1, beta2]"],
  betas: ["optimizer: adam({ betas: ... })"],
  // Schedules. Rates are parts of the optimiser's.
  pct_start: ["rise"],
  anneal_strategy: ['shape: "cosine" or "linear"'],
  div_factor: ["initial: 1 / div_factor"],
  start_factor: ["initial"],
  end_factor: ["final"],
  eta_min: ["final: eta_min / lr"],
  min_lr: ["final: min_lr / lr"],
  final_div_factor: ["final: initial / final_div_factor"],
  step_size: ["milestones: the epochs after which the rate is multiplied by gamma"],
  warmup: ["warmupSteps"],
  num_warmup_steps: ["warmupSteps"],
  warmup_epochs: ["warmupSteps: epochs x steps per epoch"],
  // Training.
  max_epochs: ["epochs"],
  num_epochs: ["epochs"],
  num_train_epochs: ["epochs"],
  batch: ["batchSize"],
  lr_scheduler: ["schedule"],
  scheduler: ["schedule"],
  random_seed: ["seed"],
  random_state: ["seed"],
  val_data: ["val"],
  validation_data: ["val"],
  test_data: ["test"],
  label_smoothing_factor: ["labelSmoothing"],
  max_norm: ["clipNorm"],
  max_grad_norm: ["clipNorm"],
  grad_clip: ["clipNorm"],
  gradient_clip_val: ["clipNorm"],
  clip_value: ["clipValue"],
  accumulate_grad_batches: ["accumulate"],
  gradient_accumulation_steps: ["accumulate"],
  ema: ['average: { kind: "ema", decay: 0.999 }'],
  ema_decay: ['average: { kind: "ema", decay: ... }'],
  early_stopping: ["patience"],
  early_stopping_patience: ["patience"],
  param_groups: ["groups"],
  tta: ["testTimeAugmentation"],
  transform: ["augment"],
  transforms: ["augment"],
  num_workers: ["threads"],
  num_threads: ["threads"],
  callbacks: ["onEpoch"],
  // Models.
  num_classes: ["classes"],
  progress_bar: ["onProgress"],
};

/** Those that have nothing of the kind here, with what holds instead. */
const WITHOUT: Readonly<Record<string, string>> = {
  padding_mode: "images are padded with zeros",
  inplace: "memory is reused without being told",
  dtype: "parameters are 32-bit floats",
  affine: "weight and bias are always there",
  track_running_stats: "running statistics are always kept",
  return_indices: "the places of the maxima are not given out",
  align_corners: "pixels are placed as with align_corners=False",
  recompute_scale_factor: "pixels are placed by the factor itself",
  antialias: "nothing is smoothed before",
  amsgrad: "it is plain Adam",
  maximize: "the loss is made small; negate it to make it large",
  foreach: "kernels are chosen without being told",
  fused: "kernels are chosen without being told",
  capturable: "kernels are chosen without being told",
  differentiable: "an update has no gradient",
  t_max: "a schedule ends with the training",
  total_steps: "a schedule ends with the training",
  steps_per_epoch: "the data and the batch size say it",
  max_lr: "the peak is the optimizer's lr",
  base_lr: "the peak is the optimizer's lr",
  last_epoch: "a run that is resumed goes on where it was",
  shuffle: "every epoch has an order of its own, drawn from the seed",
  drop_last: "the last batch may be smaller",
  pin_memory: "pictures are where the processor reads them",
  loss: OWN_LOSS,
  criterion: OWN_LOSS,
  loss_fn: OWN_LOSS,
  metrics: "they are the network's: network.metrics = { name: (outputs, labels) => ... }",
};

const plain = (name: string) => name.replaceAll("_", "").toLowerCase();
const byPlain = <T>(table: Readonly<Record<string, T>>) =>
  new Map(Object.entries(table).map(([name, ours]) => [plain(name), ours]));
const [renamed, without] = [byPlain(RENAMED), byPlain(WITHOUT)];

/** How errors go on after a name of another library: `did you mean "in"?`; nothing where the name is none. */
export function torchHint(name: string, known: readonly string[]): string | undefined {
  const ours = renamed.get(plain(name))?.find((text) => known.includes(optionOf(text)));
  if (ours !== undefined) return ours.includes(":") ? `here it is ${ours}` : `did you mean "${ours}"?`;
  const instead = without.get(plain(name));
  return instead === undefined ? undefined : `leave it out: ${instead}`;
}

/**
 * Our option for another library's name, where it takes the same value; the name itself where it is ours or unknown.
 */
export function ourName(name: string, known: readonly string[]): string {
  if (known.includes(name)) return name;
  const ours = renamed.get(plain(name))?.find((text) => known.includes(text));
  return ours ?? known.find((option) => plain(option) === plain(name)) ?? name;
}

const optionOf = (text: string) => text.split(":")[0]!;

/** The names that `torchHint` knows, with the options of this library that each may mean. */
export const TORCH_NAMES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...Object.entries(RENAMED).map(([name, ours]): [string, string[]] => [name, ours.map(optionOf)]),
  ...Object.keys(WITHOUT).map((name): [string, string[]] => [name, []]),
]);
