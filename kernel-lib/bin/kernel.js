#!/usr/bin/env node
'use strict';

// Started by Jupyter with the path of the connection file.
const file = process.argv[2];
if (file === undefined) {
  process.stderr.write('usage: kernel.js CONNECTION_FILE (Jupyter starts it; `flashlab install` tells Jupyter how)\n');
  process.exit(2);
}
require('../dist/cjs/jupyter/launch.js').launch(file);
