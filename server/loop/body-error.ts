import { HeadwaterError } from '../../shared/errors.js';

export function tooLarge(maxBytes: number): HeadwaterError {
  return new HeadwaterError('too_large', `the request body is larger than ${maxBytes} bytes: send less`, {
    limit: 'body',
  });
}

export function bodyTooSlow(leastBytes: number, milliseconds: number): HeadwaterError {
  return new HeadwaterError(
    'bad_request',
    `less than ${leastBytes} bytes of the request body came in ${milliseconds / 1000} s: send it at once`,
    { limit: 'bodyPace' },
  );
}

export function bodyAborted(): HeadwaterError {
  return new HeadwaterError('aborted', 'the client went away before its request body was complete');
}
