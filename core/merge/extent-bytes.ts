/** How long an extent in a merged object is at most, if its parts are not longer: a read gets no more than it needs. */
export const extentBytesMax = 4 * 1024 * 1024;
