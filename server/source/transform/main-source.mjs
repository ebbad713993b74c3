// Stands in for transform-main.js where the server runs from its TypeScript, as in tests: threads of Node 20 take no loader.
import { createJiti } from 'jiti';

export const { perform } = await createJiti(import.meta.url).import('./main.ts');
