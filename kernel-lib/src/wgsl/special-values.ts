// WGSL has no literal for infinity and lets compilers assume that there is none, so the one infinity of this library, the
// log-sum-exp of a row with nothing to attend to, is only ever handled as bits.

/** The bits of -Infinity. */
export const MINUS_INFINITY_BITS = '0xff800000u';

/** Score of a forbidden pair: below every real score. */
export const FORBIDDEN = '-3.4e38';

/** Where a running maximum starts: above FORBIDDEN, so that exp2(FORBIDDEN - m) is never exp2(0). */
export const START_MAXIMUM = '-1.7e38';

export const LOG2_E = '1.4426950408889634';
export const LN_2 = '0.6931471805599453';
