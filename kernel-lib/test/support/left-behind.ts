import { observer, setObserver } from '../../src/device/observer';

/** Bytes on devices that `work` made and did not free; what the garbage collector takes of earlier tests meanwhile does not count. */
export async function leftBehind(work: () => Promise<unknown>): Promise<number> {
  const others = observer();
  const live = new Set<GPUBuffer>();
  setObserver({
    opened: (device) => others.opened(device),
    closed: (device) => others.closed(device),
    began: (device, kernels) => others.began(device, kernels),
    allocated(device, buffer) {
      live.add(buffer);
      others.allocated(device, buffer);
    },
    freed(device, buffer) {
      live.delete(buffer);
      others.freed(device, buffer);
    },
  });
  try {
    await work();
    return [...live].reduce((bytes, { size }) => bytes + size, 0);
  } finally {
    setObserver(others);
  }
}
