import picomatch from "picomatch";

/** Files whose content no reviewer is shown or may read: keys, credentials, environments. */
export const SECRET_FILES = [
  ".env*",
  "*.env",
  "*.pem",
  "*.key",
  "*.p12",
  "*.pfx",
  "*.jks",
  "*.keystore",
  "*.kdbx",
  "*.ppk",
  "*.tfstate",
  "*.tfstate.*",
  "*.tfvars",
  "id_rsa*",
  "id_dsa*",
  "id_ecdsa*",
  "id_ed25519*",
  ".netrc",
  "_netrc",
  ".npmrc",
  ".pypirc",
  ".pgpass",
  ".dockercfg",
  ".s3cfg",
  ".vault-token",
  "*.keytab",
  "kubeconfig",
  ".htpasswd",
  ".git-credentials",
  "credentials",
  "credentials.json",
  "secrets.{json,yml,yaml,toml,ini}",
  "service-account*.json",
];
/** Samples hold no secret, and people want them reviewed. */
const SAMPLES = /\.(example|sample|template|dist|defaults?)$/i;

const isSecretName = picomatch(SECRET_FILES, { dot: true, nocase: true, basename: true });

/** Whether a path, by its name, holds secrets. */
export function holdsSecrets(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return isSecretName(name) && !SAMPLES.test(name);
}
