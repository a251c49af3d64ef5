'use strict';
// The probe service as @grpc/grpc-js knows it, and what client and server share.
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync(path.join(__dirname, '..', 'Protos', 'probe.proto'), { keepCase: true, longs: Number, defaults: true });

// Metadata as JSON: text as it is, bytes as { base64 }.
function toJson(metadata) {
  const json = {};
  for (const key of Object.keys(metadata.getMap()))
    json[key] = metadata.get(key).map(value => (typeof value === 'string' ? value : { base64: value.toString('base64') }));
  return json;
}

function fromJson(json) {
  const metadata = new grpc.Metadata();
  for (const [key, values] of Object.entries(json ?? {}))
    for (const value of values)
      metadata.add(key, typeof value === 'string' ? value : Buffer.from(value.base64, 'base64'));
  return metadata;
}

module.exports = { grpc, Probe: grpc.loadPackageDefinition(definition).envplatform.probe.v1.Probe, toJson, fromJson };
