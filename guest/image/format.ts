/** Version of what a guest image holds and how: a change of it makes every image anew. */
export const formatVersion = 1;

/** The time everything in an image bears, in seconds since 1970, so that the same inputs give the same bytes. */
export const imageTime = 1_672_531_200;
