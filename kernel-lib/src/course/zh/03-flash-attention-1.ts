import type { Catalogue } from '../translate';

export const flashAttention1: Catalogue = {};
