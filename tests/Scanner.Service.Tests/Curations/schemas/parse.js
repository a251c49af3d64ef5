// Reads the package URLs and licence expressions in the JSON on standard input with the parsers of others: prints what is wrong as an array.
'use strict';

const { PackageURL } = require('packageurl-js');
const parse = require('spdx-expression-parse');

const wrong = [];
const { purls, licenses } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
for (const { url, type, name, version, qualifiers } of purls) {
  try {
    const read = PackageURL.fromString(url);
    const same = read.type === type && read.name === name && read.version === version && !read.namespace && !read.subpath
      && JSON.stringify(Object.entries(read.qualifiers ?? {}).sort()) === JSON.stringify(Object.entries(qualifiers).sort());
    if (!same) {
      wrong.push(`${url} is read as ${read}`);
    }
  } catch (error) {
    wrong.push(`${url}: ${error.message}`);
  }
}

for (const license of licenses) {
  try {
    parse(license);
  } catch (error) {
    wrong.push(`${license}: ${error.message}`);
  }
}

console.log(JSON.stringify(wrong));
