import { DeployError } from '@deploy-tools/shared/errors.js';
import { dockerImage } from './docker-image.js';
import type { Image } from './image.js';
import { ociImage } from './oci-image.js';
import { type Spool, spooledFile } from './spool-archive.js';

/**
 * Finds the only image of an archive of `docker save`, in its old or new layout, or of an OCI archive.
 * @throws DeployError invalid when there is no image, or more than one; corrupt.
 */
export function findImage(spool: Spool): Image {
  const manifest = spooledFile(spool, 'manifest.json');
  if (manifest !== undefined) return dockerImage(spool, manifest);
  const index = spooledFile(spool, 'index.json');
  if (index !== undefined) return ociImage(spool, index);
  throw new DeployError(
    'invalid',
    'the input is not an image archive: it has no manifest.json or index.json',
    {
      hint: 'pipe the output of docker save into deploy-from-docker',
    },
  );
}
