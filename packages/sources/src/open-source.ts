import { objectContext } from './objects/open-url.js';
import type { Source } from './source.js';
import type { SourceContext } from './source-context.js';
import { parseSourceUrl } from './source-url.js';

/**
 * Opens a source by its URL, and loads the libraries for it. Nothing is sent to the place yet.
 * @throws DeployError invalid: the URL; denied: unusable credentials in the environment.
 */
export async function openSource(url: string, context: SourceContext): Promise<Source> {
  const source = parseSourceUrl(url, context.platform);
  const { place } = source;
  const objects = objectContext(context.environment, context.timeoutMs);
  switch (place.scheme) {
    case 'file': {
      const { openFileSource } = await import('./adapters/file-source.js');
      return openFileSource(source.label, place, context);
    }
    case 'ghr': {
      const { openGhrSource } = await import('./adapters/ghr-source.js');
      return openGhrSource(source.label, place, context);
    }
    case 's3': {
      const { openS3Source } = await import('./adapters/s3-source.js');
      return openS3Source(source.label, place, objects);
    }
    case 'gs': {
      const { openGsSource } = await import('./adapters/gs-source.js');
      return openGsSource(source.label, place, objects);
    }
    case 'grpc': {
      const { openGrpcSource } = await import('./adapters/grpc-source.js');
      return openGrpcSource(source.label, place, source.wants, objects);
    }
    case 'img': {
      const { openImgSource } = await import('./adapters/img-source.js');
      return openImgSource(source.label, place, source.wants, objects);
    }
  }
}
