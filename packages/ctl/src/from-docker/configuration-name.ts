import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import { checkComponentName, checkConfigurationName, parseLayerRef } from '@deploy-tools/shared/names.js';
import type { Image } from './image.js';

/** The name of a layer's component; layer 0 is the lowest. */
export function componentName(name: string, layer: number): string {
  return `${name}.l${layer + 1}`;
}

/**
 * The name of an image's configuration: the given one, else the tag with its separators replaced, as in the Go deploy-tools:
 * `alpine.latest` for `alpine:latest`.
 * @param further layers on top, `component:version`.
 * @throws DeployError invalid when a registry would refuse a name, or two components would have the same one.
 */
export function configurationName(
  image: Image,
  given: string | undefined,
  further: readonly string[],
): string {
  const name = given ?? image.tag?.replace(/[:/]/g, '.');
  if (name === undefined) {
    throw new DeployError('invalid', 'the image has no tag to name the configuration after', NAME_IT);
  }
  try {
    checkImageName(name, image.layers.length);
    refuseTwice([
      ...image.layers.map((_layer, index) => componentName(name, index)),
      ...further.map((layer) => parseLayerRef(layer).component),
    ]);
    return name;
  } catch (error) {
    if (!isDeployError(error)) throw error;
    throw new DeployError('invalid', `"${name}" cannot be its name: ${error.message}`, {
      ...NAME_IT,
      cause: error,
    });
  }
}

const NAME_IT = { hint: 'give a name with -name' };

/** Checks the name of a configuration whose components are called after it. @throws DeployError invalid. */
export function checkImageName(name: string, layers: number): void {
  checkConfigurationName(name);
  if (name.includes(':')) throw new DeployError('invalid', 'configuration name cannot contain : symbol');
  checkComponentName(componentName(name, layers - 1));
}

/** @throws DeployError invalid: a configuration has each component once. */
export function refuseTwice(components: readonly string[]): void {
  const twice = components.find((component, index) => components.indexOf(component) !== index);
  if (twice !== undefined)
    throw new DeployError('invalid', `component "${twice}" would be in the configuration twice`);
}
