import type { Catalogue } from '../translate';

export const limits: Catalogue = {};
