/** Resolves when the next work is submitted to the queue; what was submitted runs by then. */
export function nextSubmit({ queue }: GPUDevice): Promise<void> {
  const { submit } = queue;
  return new Promise((resolve) => {
    Object.assign(queue, {
      submit(...args: Parameters<GPUQueue['submit']>): undefined {
        Object.assign(queue, { submit });
        submit.apply(queue, args);
        resolve();
      },
    });
  });
}
