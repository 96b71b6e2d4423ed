/**
 * Gradient of a scalar function by central differences with one Richardson step, which leaves an error of order step^4.
 * `at` is changed while the function runs and is as before afterwards.
 */
export function finiteDifference(value: () => number, at: Float64Array, step = 1e-3): Float64Array {
  const slope = (index: number, h: number): number => {
    const centre = at[index];
    at[index] = centre + h;
    const above = value();
    at[index] = centre - h;
    const below = value();
    at[index] = centre;
    return (above - below) / (2 * h);
  };
  return at.map((_, index) => (4 * slope(index, step / 2) - slope(index, step)) / 3);
}
