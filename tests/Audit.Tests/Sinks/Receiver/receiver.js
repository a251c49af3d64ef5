// A receiver as organizations have them. Prints its port, then a line of JSON for each request that it took; what it is told on its
// standard input, a line of JSON each, changes how it answers.
import { createServer as http } from 'node:http';
import { createServer as https } from 'node:https';
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';

const options = JSON.parse(process.argv[2] ?? '{}');
// status: what it answers; refuse: a text that it answers 400 to; hang: it does not answer; secret, token: what it demands.
let behaviour = { status: 200, ...options.behaviour };
createInterface({ input: process.stdin })
  .on('line', line => { behaviour = { ...behaviour, ...JSON.parse(line) }; console.log(JSON.stringify({ told: behaviour })); })
  .on('close', () => process.exit(0));

const answer = (request, body) => {
  if (behaviour.refuse && body.includes(behaviour.refuse)) return [400, 'This is not wanted.'];
  if (behaviour.token && request.headers.authorization !== `Splunk ${behaviour.token}`) return [403, '{"text":"Invalid token","code":4}'];
  if (behaviour.secret) {
    try {
      new Webhook(behaviour.secret).verify(body, request.headers);
    } catch (error) {
      return [401, error.message];
    }
  }
  return [behaviour.status, behaviour.status === 200 ? '{"text":"Success","code":0}' : 'Not now.'];
};

const handle = (request, response) => {
  const chunks = [];
  request.on('data', chunk => chunks.push(chunk)).on('end', () => {
    if (behaviour.hang) return;
    const body = Buffer.concat(chunks).toString();
    const [status, text] = answer(request, body);
    console.log(JSON.stringify({ path: request.url, status, body, id: request.headers['webhook-id'] }));
    if (behaviour.location) response.setHeader('location', behaviour.location);
    if (behaviour.retryAfter) response.setHeader('retry-after', behaviour.retryAfter);
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  });
};

const server = options.key ? https({ key: options.key, cert: options.cert }, handle) : http(handle);
server.listen(options.port ?? 0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
