import type { Catalogue } from '../translate';

export const training: Catalogue = {};
