import type { Catalogue } from '../translate';

export const inPractice: Catalogue = {};
