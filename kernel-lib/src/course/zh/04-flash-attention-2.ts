import type { Catalogue } from '../translate';

export const flashAttention2: Catalogue = {};
