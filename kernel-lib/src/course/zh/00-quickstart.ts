import type { Catalogue } from '../translate';

export const quickstart: Catalogue = {};
