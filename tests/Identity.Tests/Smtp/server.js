// A mail server for tests: prints a line of JSON when it listens, for every mail that it takes and for every refusal.
// Addresses that begin with "refused" do not exist, those with "later" are asked to be tried again the first time.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const options = JSON.parse(process.argv[2]);
const seen = new Set();
const say = what => process.stdout.write(JSON.stringify(what) + '\n');
const failure = (code, text) => Object.assign(new Error(text), { responseCode: code });
const server = new SMTPServer({
  secure: options.mode === 'tls',
  key: readFileSync(options.key),
  cert: readFileSync(options.cert),
  hideSTARTTLS: options.mode === 'none',
  authOptional: !options.user,
  allowInsecureAuth: false,
  disableReverseLookup: true,
  onAuth: (auth, session, done) => auth.username === options.user && auth.password === options.password
    ? done(null, { user: auth.username }) : done(failure(535, 'no')),
  onRcptTo: (address, session, done) => {
    const first = !seen.has(address.address);
    seen.add(address.address);
    say({ recipient: address.address });
    if (address.address.startsWith('refused')) {
      return done(failure(550, `${address.address} is unknown here`));
    }
    return address.address.startsWith('later') && first ? done(failure(451, 'try again')) : done();
  },
  onData: (stream, session, done) => {
    const chunks = [];
    stream.on('data', chunk => chunks.push(chunk));
    stream.on('end', () => {
      say({
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map(one => one.address),
        secure: session.secure,
        user: session.user ?? null,
        mail: Buffer.concat(chunks).toString('utf8'),
      });
      done();
    });
  },
});
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => say({ listening: server.server.address().port }));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
