/** How `y` changes with `x`. */
export interface Trend {
  /** By how much `y` grows for each 1 of `x`. */
  readonly slope: number;
  /** The slope lies within this of the one found, in about 95 of 100 cases. `NaN` where there are fewer than three points. */
  readonly margin: number;
}

/** About as many standard errors hold 95 of 100 cases. */
const CONFIDENCE = 2;

/**
 * A straight line by least squares. What one point has over the line the next often has too (a heap is in debt or in credit for a
 * while), so there are fewer independent points than points: the margin is wider by their correlation.
 */
export function trendOf(points: readonly { readonly x: number; readonly y: number }[]): Trend {
  const count = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const variance = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / variance;
  if (count < 3) return { slope, margin: Number.NaN };
  const rests = points.map(({ x, y }) => y - meanY - slope * (x - meanX));
  const squares = rests.reduce((sum, rest) => sum + rest ** 2, 0);
  const error = Math.sqrt(squares / (count - 2) / variance);
  return { slope, margin: CONFIDENCE * error * Math.sqrt(lengthening(rests, squares)) };
}

/** By how much the variance of a mean grows because each rest resembles the one before; 1 for none. */
function lengthening(rests: readonly number[], squares: number): number {
  if (squares === 0) return 1;
  const products = rests.slice(1).reduce((sum, rest, index) => sum + rest * rests[index]!, 0);
  const correlation = Math.min(0.9, Math.max(0, products / squares));
  return (1 + correlation) / (1 - correlation);
}
