const USER = /(:\/\/)[^\s/?#@'"]*@/g;
/** Bounded on both sides of the word, so that no line takes long. */
const NAMED =
  /([?&][^\s=&?'"]{0,60}(?:token|secret|passw|credential|key|sig|auth)[^\s=&?'"]{0,60}=)[^\s&'"]*/gi;
/** Where a secret is, not what it is. */
const PLACE = /^[?&]secret-(?:env|file)=/i;

/**
 * A command line without what looks like a secret in a URL. Such a URL is refused, but what was refused is written down
 * as well: in the log and in the audit log.
 */
export function withoutSecrets(text: string): string {
  if (!text.includes('://')) return text;
  const named = text.replace(NAMED, (found, name: string) => (PLACE.test(found) ? found : `${name}***`));
  return named.replace(USER, '$1***@');
}
