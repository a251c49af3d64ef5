// Whether packages fit specifications, as rattler decides, one a line of standard input: { spec, version } for the version alone; for
// { spec, version, name, build } a channel of that one package is served and the match specification solved. Prints true, false, or what
// is wrong with the specification, one a line.
'use strict';

const { createServer } = require('node:http');
const { createInterface } = require('node:readline');

console.debug = console.info = console.warn = (...words) => console.error(...words);
const { simpleSolve, Version, VersionSpec } = require('@conda-org/rattler');

(async () => {
  const pairs = [];
  for await (const line of createInterface({ input: process.stdin })) {
    pairs.push(JSON.parse(line));
  }

  const server = createServer((request, response) => {
    const [, index, channel, subdir, file] = request.url.split('/');
    if (file !== 'repodata.json') {
      response.writeHead(404).end();
      return;
    }

    const { name, version, build } = pairs[index];
    const packages = subdir === 'noarch' ? {} : {
      [`${name}-${version}-${build}.conda`]: {
        name, version, build, build_number: 0, depends: [], constrains: [], subdir, md5: '0'.repeat(32), sha256: '0'.repeat(64), size: 1,
      },
    };
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ info: { subdir }, packages: {}, 'packages.conda': packages, removed: [], repodata_version: 1 }));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const answers = new Array(pairs.length);
  for (let at = 0; at < pairs.length; at++) {
    const { spec, version, name } = pairs[at];
    try {
      if (name === undefined) {
        answers[at] = new VersionSpec(spec, 'lenient').matches(new Version(version));
        continue;
      }

      const channel = `http://127.0.0.1:${server.address().port}/${at}/main`;
      answers[at] = (await simpleSolve([spec], [channel], ['linux-64', 'noarch'], [])).length === 1;
    } catch (error) {
      answers[at] = /no candidates were found/i.test(String(error)) ? false : String(error);
    }
  }

  server.close();
  process.stdout.write(answers.map(answer => JSON.stringify(answer)).join('\n') + '\n');
  process.exit(0);
})();
