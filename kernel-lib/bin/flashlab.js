#!/usr/bin/env node
'use strict';

void require('../dist/cjs/node/cli.js').main();
