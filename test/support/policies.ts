/** The loop policies that every behaviour is shown on. */
export const POLICIES = ['libuv', 'uws'] as const;
export type PolicyName = (typeof POLICIES)[number];
