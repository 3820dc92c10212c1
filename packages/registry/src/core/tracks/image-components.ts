/** The component of an image's layer, as deploy-from-docker names it. @param number from 1, the lowest. */
export function imageComponent(component: string, number: number): string {
  return `${component}.l${number}`;
}

export function isImageLayerOf(component: string, other: string): boolean {
  return other.startsWith(`${component}.l`) && /^[1-9]\d*$/.test(other.slice(component.length + 2));
}
