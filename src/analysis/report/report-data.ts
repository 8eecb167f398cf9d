/** What a report tells, as plain data. */
import type { Dataset } from "../../data/sets/dataset.js";
import type { TrainingConfig } from "../../run/config.js";
import type { ConfusionMatrix } from "../../train/evaluate/metrics.js";
import type { EpochRecord } from "../../train/records.js";
import type { Summary } from "../summary.js";
import type { Figure } from "./figure.js";
import type { Filters } from "./filters.js";
import type { Mistake, Mistakes } from "./mistakes.js";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly backend: string;
  readonly threads: number;
  /** Bytes that the training was planned to take. */
  readonly plannedBytes: number;
}

export interface Tested {
  readonly confusion: ConfusionMatrix;
  /** A name for each row and column. */
  readonly classes: readonly string[];
  readonly accuracy: number;
  readonly samples: number;
  readonly mistakes: Mistakes;
}

export interface ReportData {
  readonly folder: string;
  readonly config: TrainingConfig;
  readonly completed: boolean;
  /** Steps done, and steps in an epoch. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  readonly history: readonly EpochRecord[];
  readonly train: Dataset;
  readonly test: Dataset | undefined;
  readonly machine: Machine;
  readonly summary: Summary;
  /** On the test pictures after the last whole epoch. */
  readonly tested: Tested | undefined;
  readonly filters: Filters | undefined;
  readonly version: string;
  /** When the report was made. */
  readonly date: Date;
}

export const reportTitle = ({ config, train }: Pick<ReportData, "config" | "train">): string =>
  `${config.network} on ${train.name.replace(/ train$/, "")}`;

export const trainingSeconds = (history: readonly EpochRecord[]): number =>
  history.reduce((sum, { trainSeconds }) => sum + trainSeconds, 0);

export interface ShownMistake extends Mistake {
  /** A data URI. */
  readonly picture: string;
}

export interface Pictures {
  readonly loss?: Figure;
  readonly accuracy?: Figure;
  readonly confusion?: Figure & { readonly note: string };
  readonly filters?: Figure & { readonly note: string };
  readonly mistakes: readonly ShownMistake[];
  /** Figures with their titles, by the name of the file without its extension. */
  readonly files: ReadonlyMap<string, Figure>;
}
