export function cutElf(file: Buffer): Buffer;
