import { fork } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './numbers.mjs';

/** One side, running: `ask` sends a command and waits for the answer. */
export class Side {
  #process;
  #waiting = null;

  constructor(name) {
    this.name = name;
    const worker = fileURLToPath(new URL('./worker.mjs', import.meta.url));
    // Drivers and packages talk on stdout, which belongs to the rows.
    this.#process = fork(worker, [name], {
      env: { ...process.env, ...driverOf(name) },
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    this.ready = new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
    this.ready.catch(() => undefined);
    this.#process.on('message', ({ value, error }) => this.#settle(error, value));
    this.#process.on('exit', (code, signal) => this.#settle(`${name} ended (${signal ?? code})`));
  }

  #settle(error, value) {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (error) waiting?.reject(new Error(error));
    else waiting?.resolve(value);
  }

  async ask(command, argument) {
    await this.ready;
    if (!this.#process.connected) throw new Error(`${this.name} has ended`);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#process.send({ command, argument });
    });
  }

  end() {
    this.#process.kill();
  }
}

/**
 * Environment that gives a peer the Vulkan driver that FLASH_ADAPTER names; the library itself chooses by that. The loader reads
 * LD_LIBRARY_PATH only when a process starts.
 */
function driverOf(side) {
  if (side === 'flashlab') return {};
  if (process.env.FLASH_ADAPTER === 'lavapipe') {
    const folder = '/usr/share/vulkan/icd.d';
    const file = existsSync(folder) && readdirSync(folder).find((name) => /^lvp_icd.*json$/.test(name));
    return file ? { VK_DRIVER_FILES: path.join(folder, file) } : {};
  }
  if (process.env.FLASH_ADAPTER === 'swiftshader') {
    // Our side, which is asked first, has unpacked it.
    const unpacked = readdirSync(cacheFolder()).find((name) => name.startsWith('swiftshader-'));
    const folder = path.join(cacheFolder(), unpacked);
    return { VK_DRIVER_FILES: path.join(folder, 'vk_swiftshader_icd.json'), LD_LIBRARY_PATH: folder };
  }
  return {};
}
