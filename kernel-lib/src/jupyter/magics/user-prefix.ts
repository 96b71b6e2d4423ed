/** Compiled code finds the reader's magics, which nothing declares one by one, in an object of this name. */
export const USER_PREFIX = 'user.';
