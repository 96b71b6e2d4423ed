import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const root = path.resolve(__dirname, '../..');
const manifest = path.join(root, 'node_modules', '@sparticuz', 'chromium', 'package.json');
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };

/** Where the unpacked browser lies. */
export const chromiumFolder = path.join(root, '.cache', `chromium-${version}`);

/** The package has no font for code. */
const CODE_FONTS = ['DejaVuSansMono.ttf', 'DejaVuSansMono-Bold.ttf', 'DejaVuSansMono-Oblique.ttf'];

/** The package's own settings look for its fonts in /tmp. With these alone, texts look alike on every machine. */
function writeFontSettings(): void {
  const fonts = path.join(chromiumFolder, 'fonts');
  const dejavu = path.join(root, 'node_modules', 'dejavu-fonts-ttf', 'ttf');
  for (const name of CODE_FONTS) copyFileSync(path.join(dejavu, name), path.join(fonts, name));
  const cache = path.join(chromiumFolder, 'fonts-cache');
  const settings = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${fonts}</dir><cachedir>${cache}</cachedir></fontconfig>
`;
  writeFileSync(path.join(fonts, 'fonts.conf'), settings);
}

/** Starts the browser with WebGPU on a machine that need have neither a display nor a browser of its own. */
export function startChromium(): Promise<Browser> {
  const args = ['--no-sandbox', '--enable-unsafe-webgpu'];
  // A closed network makes these log errors of their own.
  args.push('--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update');
  args.push('--disable-sync');
  writeFontSettings();
  return chromium.launch({
    executablePath: path.join(chromiumFolder, 'chromium'),
    args,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [path.join(chromiumFolder, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH ?? ''].join(':'),
      FONTCONFIG_PATH: path.join(chromiumFolder, 'fonts'),
    },
  });
}
