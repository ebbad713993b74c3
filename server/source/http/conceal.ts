/** Makes the path of a URL fit to be shown. */
export type Conceal = (path: string) => string;

/** Shorter values are no secrets, and turn up by chance. */
const SECRET_CHARACTERS = 8;

/** Puts `${NAME}` where a path has the value of one of these variables: a token of an API may stand there. */
export function concealing(variables: ReadonlyMap<string, string>): Conceal {
  const secrets = [...variables]
    .filter(([, value]) => value.length >= SECRET_CHARACTERS)
    .flatMap(([name, value]) =>
      // As they stand in a URL that was parsed (WHATWG URL), whoever encoded them.
      [...new Set([encodeURI(value), encodeURIComponent(value), value])].map((text) => ({ name, text })),
    )
    .sort((a, b) => b.text.length - a.text.length);
  return (path) => secrets.reduce((shown, { name, text }) => shown.replaceAll(text, `\${${name}}`), path);
}
