/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, Matrix
 * Computations, 8.5), in float64 and with + - x / and sqrt alone, so that every engine gives the same bits. For the few
 * dozen rows of a picture's patch.
 */

export interface Eigen {
  /** Falling. */
  readonly values: Float64Array;
  /** vectors[i]: of values[i], of length 1, its largest number positive. */
  readonly vectors: readonly Float64Array[];
}

/** Sweeps after which it has long converged: each squares what is left beside the diagonal. */
const MOST_SWEEPS = 60;

/** `matrix` is n x n, row-major; its upper half is read. */
export function symmetricEigen(matrix: ArrayLike<number>, n: number): Eigen {
  const a = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (_, j) => matrix[Math.min(i, j) * n + Math.max(i, j)]!),
  );
  // Row i of v is to become an eigenvector.
  const v = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let rotated = false;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotated = rotate(a, v, p, q) || rotated;
    if (!rotated) break;
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j]![j]! - a[i]![i]! || i - j);
  return { values: Float64Array.from(order, (i) => a[i]![i]!), vectors: order.map((i) => upright(v[i]!)) };
}

/** Makes a[p][q] zero; false where it counts for nothing beside the diagonal. */
function rotate(a: readonly Float64Array[], v: readonly Float64Array[], p: number, q: number): boolean {
  const apq = a[p]![q]!;
  if (Math.abs(apq) <= 1e-18 * Math.sqrt(Math.abs(a[p]![p]! * a[q]![q]!)) || apq === 0) return false;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    if (k === p || k === q) continue;
    const [kp, kq] = [a[k]![p]!, a[k]![q]!];
    a[k]![p] = a[p]![k] = c * kp - s * kq;
    a[k]![q] = a[q]![k] = s * kp + c * kq;
  }
  a[p]![p]! -= t * apq;
  a[q]![q]! += t * apq;
  a[p]![q] = a[q]![p] = 0;
  for (let k = 0; k < a.length; k++) {
    const [pk, qk] = [v[p]![k]!, v[q]![k]!];
    v[p]![k] = c * pk - s * qk;
    v[q]![k] = s * pk + c * qk;
  }
  return true;
}

function upright(vector: Float64Array): Float64Array {
  let largest = 0;
  for (const x of vector) if (Math.abs(x) > Math.abs(largest)) largest = x;
  return largest < 0 ? vector.map((x) => -x) : vector;
}
