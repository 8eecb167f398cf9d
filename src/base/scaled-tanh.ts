/** LeCun's squashing function, A tanh(S x), has f(1) = 1 and f(-1) = -1 (LeCun et al. 1998, appendix A). */
export const SCALED_TANH = { amplitude: 1.7159, slope: 2 / 3 } as const;
