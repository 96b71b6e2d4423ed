'use strict';
// The npm package webgpu finds its binary through import.meta, which a CommonJS translation by jest does not have.
const path = require('node:path');

const folder = path.join(path.dirname(require.resolve('webgpu/package.json')), 'dist');
const arch = process.platform === 'darwin' ? 'universal' : process.arch;
module.exports = require(path.join(folder, `${process.platform}-${arch}`, 'dawn.node'));
