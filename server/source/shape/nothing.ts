import { SourceError } from '../source-error.js';

/** A selection found nothing in a value: of one answer that is a failure, of many messages some are of another kind. */
export class NothingSelected extends SourceError {
  constructor(message: string) {
    super(message);
    this.name = 'NothingSelected';
  }
}
