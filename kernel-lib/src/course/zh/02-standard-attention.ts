import type { Catalogue } from '../translate';

export const standardAttention: Catalogue = {};
