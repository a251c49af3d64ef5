'use strict';
// Serves the probe on a free port of loopback, writes the port to standard output, and ends when standard input does.
const { grpc, Probe } = require('./probe');

// How many calls of each name were cancelled.
const cancelled = new Map();
const addCancelled = name => cancelled.set(name, (cancelled.get(name) ?? 0) + 1);

function echo(call, callback) {
  const headers = new grpc.Metadata();
  const trailers = new grpc.Metadata();
  for (const key of Object.keys(call.metadata.getMap())) {
    const to = key.startsWith('echo-') ? headers : key.startsWith('trail-') ? trailers : null;
    for (const value of call.metadata.get(key))
      to?.add(key, value);
  }
  call.sendMetadata(headers);
  callback(null, call.request, trailers);
}

function count(call) {
  const { count: total, size, hang, status, name } = call.request;
  const data = Buffer.alloc(size);
  let next = 0;
  let open = true;
  call.on('cancelled', () => {
    open = false;
    addCancelled(name);
  });
  const send = () => {
    while (open && next < total)
      if (!call.write({ number: next++, data }))
        return call.once('drain', send);
    if (!open || hang)
      return;
    if (status !== 0)
      call.emit('error', { code: status, details: 'after the messages' });
    else
      call.end();
  };
  send();
}

function fail(call, callback) {
  const { code, message } = call.request;
  if (code === 0)
    return callback(null, { text: message });
  const metadata = new grpc.Metadata();
  metadata.add('reason', 'told');
  metadata.add('reason-bin', Buffer.from([0, 1, 254, 255]));
  callback({ code, details: message, metadata });
}

function hang(call) {
  call.on('cancelled', () => addCancelled(call.request.text));
}

function upload(call, callback) {
  call.on('data', () => {});
  call.on('end', () => callback(null, {}));
}

function chat(call) {
  call.on('data', message => call.write(message));
  call.on('end', () => call.end());
}

const server = new grpc.Server({ 'grpc.max_receive_message_length': 4 * 1024 * 1024 });
server.addService(Probe.service, {
  Echo: echo,
  Count: count,
  Fail: fail,
  Hang: hang,
  CountCancelled: (call, callback) => callback(null, { number: cancelled.get(call.request.text) ?? 0 }),
  Upload: upload,
  Chat: chat,
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error)
    throw error;
  process.stdout.write(`${port}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
