// Holds the CycloneDX documents on standard input, one a line, against the published schema: prints null or what is wrong with each, one a line.
'use strict';

const { createInterface } = require('node:readline');
const { Spec, Validation } = require('@cyclonedx/cyclonedx-library');

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await validator.validate(line)));
  }
})();
