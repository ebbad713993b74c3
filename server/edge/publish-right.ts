import { createHash, timingSafeEqual } from 'node:crypto';
import { HeadwaterError } from '../../shared/errors.js';

/** Who may publish. */
export interface PublishRight {
  /** Whether there is a token that gives it. */
  readonly granted: boolean;
  /**
   * Returns if the token of a client gives the right to publish.
   * @throws {HeadwaterError} `forbidden` where no token is configured, `unauthorized` for none or a wrong one.
   */
  require(token: string | undefined): void;
}

/** Compares digests, so that the time taken tells nothing of a token, its length included. */
export function createPublishRight(tokens: readonly string[]): PublishRight {
  const digests = tokens.map(digest);
  return {
    granted: digests.length > 0,
    require(token) {
      if (digests.length === 0) {
        throw new HeadwaterError(
          'forbidden',
          'publishing is off here: set auth.publish.tokens in the configuration to allow it',
        );
      }
      if (token === undefined) {
        throw new HeadwaterError(
          'unauthorized',
          'publishing needs a token: send "Authorization: Bearer …" or an auth message',
        );
      }
      const given = digest(token);
      if (!digests.some((known) => timingSafeEqual(known, given))) {
        throw new HeadwaterError('unauthorized', 'that token gives no right to publish here');
      }
    },
  };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The token of an `Authorization` header (RFC 6750, 2.1); `undefined` where there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return authorization?.match(/^Bearer +([^ ]+) *$/i)?.[1];
}
