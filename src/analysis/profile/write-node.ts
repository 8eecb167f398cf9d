/** A profile as files: each figure as SVG and PNG with the table behind them, or all figures as one SVG. */
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { csv } from "../compare/table.js";
import { paperOn } from "../figures/paper.js";
import { standalone } from "../figures/standalone.js";
import { writeFigures } from "../figures/write-figures-node.js";
import { newDocument } from "../report/draw-node.js";
import type { Figure } from "../report/figure.js";
import { rooflineFigure, timeFigure } from "./figures.js";
import type { Profile, ProfiledProgram, ProgramProfile } from "./profile-node.js";
import { PROFILE_COLUMNS, profileRows } from "./table.js";

const WORDS: Readonly<Record<ProfiledProgram, string>> = { infer: "inference", train: "training" };

/**
 * By the name of the file without its extension: `infer-time`, `infer-roofline` ...
 * @throws BackendError where a package is missing that figures are drawn with.
 */
export async function drawProfile(title: string, profile: Profile): Promise<Map<string, Figure>> {
  const paper = await paperOn(newDocument());
  const on = machineOf(profile);
  return new Map(
    profile.programs.flatMap((program) => [
      [
        `${program.what}-time`,
        standalone([timeFigure(paper, program.rows)], { title: titleOf(title, program, "time"), note: `${on}.` }),
      ],
      [
        `${program.what}-roofline`,
        standalone([rooflineFigure(paper, program.rows, profile.machine)], {
          title: titleOf(title, program, "roofline"),
          note: `${on}. The area of a dot is its time; "+ 2" are two other layers at the same place.`,
        }),
      ],
    ]),
  );
}

const titleOf = (title: string, { what, batch }: ProgramProfile, of: string): string =>
  `${title}, ${WORDS[what]} at batch ${batch}: ${of}`;

const machineOf = ({ machine: { backend, threads } }: Profile): string =>
  `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`;

/** Time and roofline beside each other, a row a program. @throws FileError where it cannot be written. */
export async function writeProfileSvg(title: string, profile: Profile, path: string): Promise<void> {
  const paper = await paperOn(newDocument());
  const figures = profile.programs.flatMap(({ rows }) => [
    timeFigure(paper, rows),
    rooflineFigure(paper, rows, profile.machine),
  ]);
  const what = profile.programs.map((program) => WORDS[program.what]).join(", then ");
  const heading = `${title} at batch ${profile.programs[0]?.batch ?? 0}: ${what}`;
  const { svg } = standalone(figures, {
    title: heading,
    note: `${machineOf(profile)}. The area of a dot is its time.`,
    columns: 2,
  });
  await writeFileAtomically(path, [svg]);
}

/** The paths of what was written. @throws FileError where it cannot be; as `drawProfile`. */
export async function writeProfile(title: string, profile: Profile, folder: string): Promise<string[]> {
  const table = csv(profileRows(profile), PROFILE_COLUMNS);
  return writeFigures(folder, await drawProfile(title, profile), { "profile.csv": table });
}
