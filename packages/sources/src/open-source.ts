import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Source } from './source.js';
import type { SourceContext } from './source-context.js';
import { parseSourceUrl } from './source-url.js';

/**
 * Opens what a source's URL means. Nothing is asked of the place yet; libraries are loaded here and not before.
 * @throws DeployError invalid: the URL; denied: credentials in the environment that cannot be used.
 */
export async function openSource(url: string, context: SourceContext): Promise<Source> {
  const source = parseSourceUrl(url, context.platform);
  const { place } = source;
  switch (place.scheme) {
    case 'file': {
      const { openFileSource } = await import('./adapters/file-source.js');
      return openFileSource(source.label, place, context);
    }
    case 'ghr': {
      const { openGhrSource } = await import('./adapters/ghr-source.js');
      return openGhrSource(source.label, place, context);
    }
    default:
      throw new DeployError('unsupported', `${place.scheme}:// sources cannot be followed yet`);
  }
}
