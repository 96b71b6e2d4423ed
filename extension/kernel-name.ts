/** The name of FlashLab's kernelspec. */
export const KERNEL = 'flashlab';
