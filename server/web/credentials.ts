import querystring from 'node:querystring';

/** The userinfo of a URL as a header of Basic credentials (RFC 7617); none, if it has none. */
export function credentialsOf({ username, password }: URL): { authorization?: string } {
  if (username === '' && password === '') return {};
  // `unescape` leaves a stray % alone, which decodeURIComponent would throw at.
  const text = `${querystring.unescape(username)}:${querystring.unescape(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}
