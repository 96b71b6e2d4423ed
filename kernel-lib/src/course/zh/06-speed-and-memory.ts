import type { Catalogue } from '../translate';

export const speedAndMemory: Catalogue = {};
