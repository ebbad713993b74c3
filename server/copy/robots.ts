import parse from 'robots-parser';

/** Says whether an address may be fetched. */
export type Robots = (address: string) => boolean;

/** RFC 9309, section 2.5: at least this much has to be read; what comes after it is ignored. */
export const MAX_ROBOTS_BYTES = 500 * 1024;

const USER_AGENT = 'headwater';

// Its types describe an ES module, and it is a CommonJS one: its export is the function.
const parseRobots = parse as unknown as (
  url: string,
  text: string,
) => { isAllowed(url: string, agent: string): boolean | undefined };

/** The rules of a robots.txt (RFC 9309) for the user agent `headwater`. */
export function robotsFrom(origin: string, text: string): Robots {
  // A mark that editors leave at the beginning would hide the first line.
  const rules = parseRobots(`${origin}/robots.txt`, text.replace(/^\ufeff/, ''));
  return (address) => rules.isAllowed(address, USER_AGENT) ?? true;
}
