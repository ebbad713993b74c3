/** Where the Sun stands right overhead, and how far away it is. Degrees, north and east positive. */
export interface SunPosition {
  latitude: number;
  longitude: number;
  /** In kilometres. */
  distance: number;
}

const J2000_MS = Date.UTC(2000, 0, 1, 12);
const DAY_MS = 86_400_000;
const ASTRONOMICAL_UNIT_KM = 149_597_871;

/**
 * The Sun's place at a time (ms since the epoch), by the low-precision formulas of the Astronomical Almanac
 * (section C): right to a hundredth of a degree or so between 1950 and 2050.
 */
export function sunPosition(time: number): SunPosition {
  const days = (time - J2000_MS) / DAY_MS;
  const meanLongitude = 280.46 + 0.9856474 * days;
  const anomaly = 357.528 + 0.9856003 * days;
  const longitude = meanLongitude + 1.915 * sin(anomaly) + 0.02 * sin(2 * anomaly);
  const obliquity = 23.439 - 0.0000004 * days;

  const declination = degrees(Math.asin(sin(obliquity) * sin(longitude)));
  const rightAscension = degrees(Math.atan2(cos(obliquity) * sin(longitude), cos(longitude)));
  const siderealTime = 280.46061837 + 360.98564736629 * days;
  const distance = 1.00014 - 0.01671 * cos(anomaly) - 0.00014 * cos(2 * anomaly);
  return {
    latitude: round(declination, 4),
    longitude: round(halfTurn(rightAscension - siderealTime), 4),
    distance: Math.round(distance * ASTRONOMICAL_UNIT_KM),
  };
}

const sin = (angle: number) => Math.sin((angle * Math.PI) / 180);
const cos = (angle: number) => Math.cos((angle * Math.PI) / 180);
const degrees = (radians: number) => (radians * 180) / Math.PI;

/** The same angle, from -180 to 180. */
function halfTurn(angle: number): number {
  return angle - 360 * Math.round(angle / 360);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
