// A certified provider of identities, with two clients of its own: `node provider.mjs PATH_OF_OIDC_PROVIDER`.
// It prints the port that it listens on, and ends with its standard input.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const { Provider } = await import(pathToFileURL(process.argv[2]).href);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const api = { audience: 'muelle-api', scope: '', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
  const provider = new Provider(issuer, {
    clients: [
      { client_id: 'muelle', client_secret: 's3cret of muelle', redirect_uris: ['https://muelle.example.com/back'] },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
    }),
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => api,
        useGrantedResource: () => true,
      },
    },
    extraTokenClaims: () => ({ roles: ['crew'] }),
  });
  server.on('request', provider.callback());
  process.stdout.write(`${server.address().port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
