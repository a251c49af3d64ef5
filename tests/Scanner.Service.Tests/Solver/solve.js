// Solves the requests on standard input, one a line: { channels, specs, platform }. Prints for each { packages: [{ name, version, build }] }
// or { error }, one a line. rattler's own messages go to standard error.
'use strict';

const { createInterface } = require('node:readline');

console.debug = console.info = console.warn = (...words) => console.error(...words);
const { simpleSolve } = require('@conda-org/rattler');

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { channels, specs, platform } = JSON.parse(line);
    let answer;
    try {
      const packages = await simpleSolve(specs, channels, [platform, 'noarch'], []);
      answer = { packages: packages.map(one => ({ name: one.packageName, version: one.version, build: one.build })) };
    } catch (error) {
      answer = { error: String(error) };
    }

    process.stdout.write(JSON.stringify(answer) + '\n');
  }
})();
