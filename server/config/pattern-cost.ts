/** A name may have so many characters, so a repetition without a bound ends there. */
const LONGEST = 255;

/**
 * How many ways there are, at most, to match a regular expression against a topic's segment: what a backtracking matcher
 * may try in the worst case. `(a+)+` has more than anybody can wait for. `pattern` must be one that compiles.
 */
export function patternCost(pattern: string): number {
  let at = 0;

  function alternatives(): number {
    let sum = 0;
    for (;;) {
      sum += sequence();
      if (pattern[at] !== '|') return sum;
      at += 1;
    }
  }

  function sequence(): number {
    let product = 1;
    while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') product *= repeated(atom());
    return product;
  }

  function atom(): number {
    const character = pattern[at];
    if (character === '(') {
      at += /^\((?:\?(?:<?[=!]|:|<[^>]*>)?)?/.exec(pattern.slice(at))![0].length;
      const cost = alternatives();
      at += 1;
      return cost;
    }
    if (character === '[') at += /^\[(?:\\.|[^\]\\])*\]/s.exec(pattern.slice(at))![0].length;
    else at += character === '\\' ? 2 : 1;
    return 1;
  }

  /** The ways of an atom that stands from `min` to `max` times: the sum over all of them. */
  function repeated(cost: number): number {
    const quantifier = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/.exec(pattern.slice(at));
    if (!quantifier) return cost;
    at += quantifier[0].length;
    const [text, from, comma, to] = quantifier;
    const min = from === undefined ? (text.startsWith('+') ? 1 : 0) : Number(from);
    const max =
      from === undefined ? (text.startsWith('?') ? 1 : LONGEST) : comma ? Number(to || LONGEST) : min;
    let sum = 0;
    for (let times = Math.min(min, LONGEST); times <= Math.min(max, LONGEST); times++) sum += cost ** times;
    return sum;
  }

  return alternatives();
}
