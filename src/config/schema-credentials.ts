import { Type } from '../files/shape.ts'
import { choice, duration, oneOf, section, text, texts } from './fields.ts'

/** For fields in which people would write the secret itself. */
export const inline = 'a token does not belong into the config: put it into a file and name that with tokenFile, or into the '
  + 'environment and name the variable with tokenEnv'
const inlinePassword = 'a password does not belong into the config: name a file with fromFile or a variable with fromEnv'
const session = 'a password does not belong into the config: put it into a file and name that with oauthSession: '
  + '{ username: { fromFile: … }, password: { fromFile: … } }'

const reference = (description: string) => oneOf({
  fromFile: text({ description: 'A file that holds it; read again when it changes.' }),
  fromEnv: text({ description: 'An environment variable that holds it.' }),
}, { description, 'x-unknown': { value: inlinePassword, password: inlinePassword } })

const tokenFile = text({ description: 'File with a bearer token; reread when it changes.' })
const tokenEnv = text({ description: 'Name of an environment variable with a bearer token.' })

const clientCertificate = section({
  certFile: text({ description: 'PEM file with the certificate, and its chain; reread when it changes.' }),
  keyFile: text({ description: 'PEM file with its private key.' }),
}, { description: 'An X.509 client certificate; no Authorization is sent then.' })

const kubeconfig = section({
  file: text({ description: 'The kubeconfig; read again when it changes.' }),
  context: Type.Optional(text({ description: 'Which context; default: the current one.' })),
}, { description: 'User, server and CA of a kubeconfig.' })

const exec = section({
  apiVersion: choice(['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'], {
    default: 'client.authentication.k8s.io/v1', description: 'What the plugin speaks.',
  }),
  command: text({ description: 'The plugin: a name to be found on PATH, or a path.' }),
  args: Type.Array(Type.String(), { default: [], description: 'Its arguments.' }),
  env: Type.Array(section({
    name: text({ description: 'Name of a variable.' }),
    value: Type.String({ description: 'Its value; no secrets.' }),
  }, { description: 'One variable.' }), { default: [], description: 'What it has in its environment beside ours.' }),
  provideClusterInfo: Type.Boolean({ default: false, description: 'Tell it the server and its CA in KUBERNETES_EXEC_INFO.' }),
  timeout: duration({ default: '30s', description: 'How long it may take.' }),
}, { description: 'A plugin that speaks client.authentication.k8s.io, as of kubeconfig files: Vault, cloud providers.' })

const inCluster = section({}, { description: 'The service account of the pod that this process runs in.' })

const bootstrapKinds = { tokenFile, tokenEnv, clientCertificate, kubeconfig, exec, inCluster }
const secrets = { token: inline, bearerToken: inline, password: inline, value: inline }

const tokenRequest = section({
  bootstrap: oneOf(bootstrapKinds, { description: 'What asks for the tokens; it needs create on serviceaccounts/token alone.', 'x-unknown': secrets }),
  serviceAccount: Type.Optional(section({
    namespace: text({ description: 'Its namespace.' }),
    name: text({ description: 'Its name.' }),
  }, { description: 'Whose tokens; default: the account of the bootstrap token itself.' })),
  audiences: texts({ default: [], description: 'Whom they are for; empty: the API server.' }),
  lifetime: duration({ default: '1h', description: 'How long each is asked to last (at least 10m; the API server may give another); renewed at 80 % of it.' }),
}, { description: 'Short-lived tokens from the TokenRequest API, kept in memory alone.' })

const oauthSession = section({
  username: reference('The user.'),
  password: reference('The password.'),
}, { description: 'A session of an OpenShift user, by the challenge flow of its OAuth server; renewed before it ends.' })

/** Towards an audit webhook: none that a cluster gave us. */
export const webhookCredential = oneOf({ tokenFile, tokenEnv, clientCertificate, kubeconfig }, {
  description: 'How we prove ourselves to it: exactly one kind; default: nothing is presented.',
  'x-unknown': { ...secrets, inCluster: 'is for the API server: a webhook that had the pod\'s token would be as mighty as Portcullis' },
})

export const credential = oneOf({ ...bootstrapKinds, tokenRequest, oauthSession }, {
  description: 'How we prove ourselves to this cluster: exactly one kind.', 'x-unknown': { ...secrets, password: session },
})
