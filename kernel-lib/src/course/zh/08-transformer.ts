import type { Catalogue } from '../translate';

export const transformer: Catalogue = {};
