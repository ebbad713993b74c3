import { createHash, timingSafeEqual } from 'node:crypto';
import { HeadwaterError } from '../../shared/errors.js';
import type { Clock } from '../async/clock.js';
import { createTokenBucket, type TokenBucket } from './token-bucket.js';

/** Who may publish. */
export interface PublishRight {
  /** Whether there is a token that gives it. */
  readonly granted: boolean;
  /**
   * Returns if the token of a client gives the right to publish.
   * @throws {HeadwaterError} `forbidden` where no token is configured, `unauthorized` for none or a wrong one.
   */
  require(token: string | undefined): void;
  /**
   * The same, and takes one of the publications that the token may make in a second.
   * @throws {HeadwaterError} also `limit`
   */
  spend(token: string | undefined): void;
}

/** `perSecond`: publications with one token, whatever the transport; 0: no limit. */
export function createPublishRight(tokens: readonly string[], perSecond: number, clock: Clock): PublishRight {
  const known = tokens.map((token) => ({
    digest: digestOf(token),
    bucket: createTokenBucket(perSecond, clock),
  }));

  /** Compares digests, so that the time taken tells nothing of a token, its length included. */
  function find(token: string | undefined): TokenBucket {
    if (known.length === 0) {
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
    const given = digestOf(token);
    const found = known.find(({ digest }) => timingSafeEqual(digest, given));
    if (!found) throw new HeadwaterError('unauthorized', 'that token gives no right to publish here');
    return found.bucket;
  }

  return {
    granted: known.length > 0,
    require: (token) => void find(token),
    spend(token) {
      if (find(token).take()) return;
      const text = `more than ${perSecond} publications a second with this token (limits.publishesPerSecond): send fewer, or several changes as one patch`;
      throw new HeadwaterError('limit', text, { limit: 'publishesPerSecond' });
    },
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The token of an `Authorization` header (RFC 6750, 2.1); `undefined` where there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return authorization?.match(/^Bearer +([^ ]+) *$/i)?.[1];
}
