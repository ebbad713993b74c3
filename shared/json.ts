/** Any value that JSON (RFC 8259) can carry. Values are never mutated once committed or received. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. Keys that JSON allows but prototypes dislike (`__proto__`) are plain own keys here. */
export interface JsonObject {
  readonly [key: string]: Json;
}
