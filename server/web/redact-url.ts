/** What is shown in place of a secret. */
const SECRET = '(secret)';

const SECRET_NAME =
  /key|token|secret|passw|pwd|auth|sign|^sig$|cred|session|^sid$|^code$|^jwt$|^(?:x-amz|x-goog)-/i;

/**
 * A URL that may be shown: without its userinfo (RFC 3986, section 3.2.1) and without the values of query and fragment
 * parameters whose names say that they are secret. Text that is no URL comes back as it is.
 */
export function redactUrl(text: string): string {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^/?#\s]*)@)?([^?#\s]*)(\?[^#\s]*)?(#.*)?$/i.exec(text);
  if (!match) return text;
  const [, scheme, userinfo, place, query = '', hash = ''] = match;
  const shown = `${query}${hash}`.replace(
    /([?&;#])([^=&;#]*)=([^&;#]*)/g,
    (pair, mark: string, name: string) =>
      SECRET_NAME.test(decoded(name)) ? `${mark}${name}=${SECRET}` : pair,
  );
  return `${scheme}${userinfo === undefined ? '' : `${SECRET}@`}${place}${shown}`;
}

/** The text of an encoded name; one that is encoded badly stays as it is. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
