/** The part of fs-native-extensions that we use; the package ships no types. */
declare module 'fs-native-extensions' {
  /** Takes an exclusive kernel lock (open file description) on the file; false when another process holds it. */
  export function tryLock(fd: number): boolean;
}
