/**
 * What both parsers take of a request before its body, in bytes; beyond it they answer 431 themselves, without a
 * reason. Whoever serves requests sets bounds below it, and gives one.
 */
export const MAX_HEAD_BYTES = 64 * 1024;
