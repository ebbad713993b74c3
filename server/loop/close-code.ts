/** Close codes of RFC 6455 section 7.4.1 that the policies themselves meet. */
export const CLOSE_CODE = {
  normal: 1000,
  protocolError: 1002,
  noneGiven: 1005,
  abnormal: 1006,
  invalidText: 1007,
  tooLarge: 1009,
  internalError: 1011,
} as const;
