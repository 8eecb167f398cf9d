/** Which vectors convolutions of groups are computed in. */
import type { CodeTarget, Lanes } from "../../target/target.js";

/** Up to so many groups have a kernel each, with the group's channels in its code. */
const FEW_GROUPS = 4;

/**
 * The lanes of kernels for more groups: the widest vectors that the outputs of a group fill. Undefined for few groups,
 * and where there are none.
 */
export function manyGroups(groups: number, outputs: number, { lanes }: CodeTarget): Lanes | undefined {
  if (groups <= FEW_GROUPS) return undefined;
  return ([16, 8, 4] as const).find((n) => n <= lanes && outputs % n === 0);
}

/** Whether vectors of so many lanes end where groups end. `outputs`: of one group, or of all where these are many. */
export function fillsVectors(
  groups: number,
  of: { readonly outputs: number; readonly lanes: Lanes; readonly pixel: number; readonly isMany: boolean },
): boolean {
  if (groups === 1) return true;
  return of.pixel > 4 && (of.isMany || (groups <= FEW_GROUPS && of.outputs % of.lanes === 0));
}
