import { z } from 'zod';
import * as scalar from './scalar.js';

/** What survives the process. */
export const stateSchema = z.strictObject({
  /** The folder that topics are kept in; made if it is missing. */
  dir: scalar.text('the path of a folder'),
});
