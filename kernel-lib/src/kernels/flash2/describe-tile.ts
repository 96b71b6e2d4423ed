import type { DeviceFacts } from '../../device/device';
import type { ForwardTile } from './choose-tile';

/** A tile of any kind, for people. */
export function describeTile(t: ForwardTile, facts: DeviceFacts): string {
  if ('unit' in t) {
    const { M, N, K } = t.unit;
    const parts = t.parts === 2 ? 'floats of two halves, ' : '';
    return `matrix tiles ${t.br} x ${t.bc}, ${t.subgroups} subgroups, units ${M} x ${N} x ${K}, ${parts}(${facts.kind})`;
  }
  if ('perKey' in t) return `streams ${t.br} x ${t.bc}, ${t.perKey} lanes a key (${facts.kind})`;
  return 'lanes' in t
    ? `lane tiles ${t.br} x ${t.bc}, ${t.lanes} lanes of ${t.rows} rows (${facts.kind})`
    : `tiles ${t.br} x ${t.bc}, ${t.tx * t.ty} threads (${facts.kind})`;
}
