'use strict';
// Takes calls to make as lines of JSON on standard input, { id, address, method, request, metadata, timeoutMs, cancelAfterMs,
// times, compress },
// and answers each with a line of JSON: { id, code, details, headers, trailers, response | count, bytes, ordered }.
const readline = require('node:readline');
const { grpc, Probe, toJson, fromJson } = require('./probe');

const clients = new Map();

// One connection for each address, and one more for compressed calls (2 is gzip).
function clientOf({ address, compress }) {
  const key = `${address} ${compress ?? ''}`;
  if (!clients.has(key))
    clients.set(key, new Probe(address, grpc.credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
      ...(compress ? { 'grpc.default_compression_algorithm': 2 } : {}),
    }));
  return clients.get(key);
}

function options(command) {
  return command.timeoutMs ? { deadline: Date.now() + command.timeoutMs } : {};
}

function prepare(request) {
  const { size, ...rest } = request ?? {};
  return size === undefined || 'count' in rest ? request : { ...rest, data: Buffer.alloc(size) };
}

function unary(command) {
  return new Promise(resolve => {
    const result = { code: 0, details: '' };
    const client = clientOf(command);
    const call = client[command.method](prepare(command.request), fromJson(command.metadata), options(command), (error, response) => {
      result.response = response && { number: response.number, text: response.text, size: response.data.length };
    });
    call.on('metadata', metadata => (result.headers = toJson(metadata)));
    call.on('status', status => resolve({ ...result, code: status.code, details: status.details, trailers: toJson(status.metadata) }));
    if (command.cancelAfterMs)
      setTimeout(() => call.cancel(), command.cancelAfterMs);
  });
}

function streaming(command) {
  return new Promise(resolve => {
    const result = { count: 0, ordered: true, bytes: 0 };
    const call = clientOf(command)[command.method](command.request, fromJson(command.metadata), options(command));
    call.on('metadata', metadata => (result.headers = toJson(metadata)));
    call.on('data', message => {
      result.ordered &&= message.number === result.count;
      result.bytes += message.data.length;
      result.count++;
    });
    call.on('error', () => {});
    call.on('status', status => resolve({ ...result, code: status.code, details: status.details, trailers: toJson(status.metadata) }));
    if (command.cancelAfterMs)
      setTimeout(() => call.cancel(), command.cancelAfterMs);
  });
}

function clientStreaming(command) {
  return new Promise(resolve => {
    const call = clientOf(command)[command.method](() => {});
    call.on('status', status => resolve({ code: status.code, details: status.details }));
    call.on('error', () => {});
    call.write({ number: 1 });
    call.end();
  });
}

async function run(command) {
  if (command.times) {
    const calls = Array.from({ length: command.times }, (_, i) => unary({ ...command, request: { number: i, size: i * 10 } }));
    const results = await Promise.all(calls);
    return {
      code: Math.max(...results.map(result => result.code)),
      details: results.map(result => result.details).find(details => details) ?? '',
      ordered: results.every((result, i) => result.response?.number === i && result.response.size === i * 10),
      count: results.length,
    };
  }
  const method = Probe.service[command.method];
  return method.requestStream ? clientStreaming(command) : method.responseStream ? streaming(command) : unary(command);
}

readline.createInterface({ input: process.stdin }).on('line', async line => {
  const command = JSON.parse(line);
  const result = await run(command);
  process.stdout.write(`${JSON.stringify({ id: command.id, ...result })}\n`);
}).on('close', () => process.exit(0));
