/** The part of k6's console that is used here; its own types leave it out. */
declare const console: { error(message: string): void };
