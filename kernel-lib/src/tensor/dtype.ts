/** How numbers are stored: float32, float16, 0 or 1 in a byte, signed byte. */
export type DType = 'f32' | 'f16' | 'bool' | 'i8';

/** The types that hold fractions. */
export type FloatDType = 'f32' | 'f16';

/** Bytes of an element. */
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bool: 1, i8: 1 };
