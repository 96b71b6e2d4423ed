import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** Serves `html` and the modules of one folder on a local port (WebGPU wants a secure context: localhost is one). */
export async function serveFolder(folder: string, html: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const name = path.basename(request.url ?? '/');
    if (name === '') return response.writeHead(200, { 'content-type': 'text/html' }).end(html);
    if (name === 'favicon.ico') return response.writeHead(204).end();
    const file = path.join(folder, name);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/javascript' });
    return createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
