import { readFileSync } from 'node:fs';
import { packageVersion } from '../node/cli/package-root';
import { PROTOCOL_VERSION, type Json } from './protocol';

interface Manifest {
  version: string;
}

function manifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

let content: Json | undefined;

/** Content of kernel_info_reply. Reads two small files and loads nothing, so that it can be answered at once. */
export function kernelInfo(): Json {
  content ??= {
    status: 'ok',
    protocol_version: PROTOCOL_VERSION,
    implementation: 'flashlab',
    implementation_version: packageVersion(),
    language_info: {
      name: 'typescript',
      version: manifest(
        require.resolve('@tslab/typescript-for-tslab/package.json', { paths: [require.resolve('tslab/package.json')] }),
      ).version,
      mimetype: 'text/typescript',
      file_extension: '.ts',
      pygments_lexer: 'typescript',
      codemirror_mode: 'typescript',
      nbconvert_exporter: 'script',
    },
    banner: `FlashLab ${packageVersion()}: TypeScript notebooks with FlashAttention. %lsmagic lists the magics.`,
    help_links: [],
    debugger: false,
    supported_features: [],
  };
  return content;
}
