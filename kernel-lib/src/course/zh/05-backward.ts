import type { Catalogue } from '../translate';

export const backward: Catalogue = {};
