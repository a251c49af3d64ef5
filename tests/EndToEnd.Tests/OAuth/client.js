// One step of a sign-in, with the client that oauth4webapi is: a JSON object on standard input, another on standard output.
import * as oauth from 'oauth4webapi';

let input = '';
for await (const part of process.stdin) {
  input += part;
}

const asked = JSON.parse(input);
const options = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(asked.issuer);
const client = { client_id: asked.client_id };
const scope = 'offline_access environments:read';

async function discover(algorithm = 'oauth2') {
  const answer = await oauth.discoveryRequest(issuer, { algorithm, ...options });
  return oauth.processDiscoveryResponse(issuer, answer);
}

function tokens(answer) {
  return { access_token: answer.access_token, refresh_token: answer.refresh_token, expires_in: answer.expires_in, scope: answer.scope };
}

const steps = {
  async discover() {
    return { oauth2: await discover(), oidc: await discover('oidc') };
  },

  async authorize() {
    const server = await discover();
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(server.authorization_endpoint);
    url.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: asked.redirect_uri,
      response_type: 'code',
      scope,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href, verifier, state };
  },

  async redeem() {
    const server = await discover();
    const parameters = oauth.validateAuthResponse(server, client, new URL(asked.callback), asked.state);
    const answer = await oauth.authorizationCodeGrantRequest(
      server, client, oauth.None(), parameters, asked.redirect_uri, asked.verifier, options);
    return tokens(await oauth.processAuthorizationCodeResponse(server, client, answer));
  },

  async refresh() {
    const server = await discover();
    const answer = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), asked.refresh_token, options);
    return tokens(await oauth.processRefreshTokenResponse(server, client, answer));
  },

  async device() {
    const server = await discover();
    const answer = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), { scope, hostname: 'bench-4' }, options);
    return oauth.processDeviceAuthorizationResponse(server, client, answer);
  },

  async poll() {
    const server = await discover();
    const answer = await oauth.deviceCodeGrantRequest(server, client, oauth.None(), asked.device_code, options);
    return tokens(await oauth.processDeviceCodeResponse(server, client, answer));
  },

  async credentials() {
    const server = await discover();
    const shown = asked.basic ? oauth.ClientSecretBasic(asked.client_secret) : oauth.ClientSecretPost(asked.client_secret);
    const answer = await oauth.clientCredentialsGrantRequest(server, client, shown, {}, options);
    return tokens(await oauth.processClientCredentialsResponse(server, client, answer));
  },

  async revoke() {
    const server = await discover();
    const answer = await oauth.revocationRequest(server, client, oauth.None(), asked.token, options);
    await oauth.processRevocationResponse(answer);
    return {};
  },
};

try {
  console.log(JSON.stringify(await steps[asked.step]()));
} catch (error) {
  if (error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError) {
    console.log(JSON.stringify({ error: error.error }));
  } else {
    throw error;
  }
}
