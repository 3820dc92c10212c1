import { selectRelease } from '@deploy-tools/sources/select/select-release.js';
import type { Artifact, Source, SourceRelease } from '@deploy-tools/sources/source.js';
import { expect, onTestFinished, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { wants } from '../select/releases.js';

/** A real place of its own for a test, and the source that looks at it. */
export interface SourceSite {
  readonly source: Source;
  /**
   * Puts a release there; what it holds already is replaced.
   * @param files by name; of an image its layers, lowest first, whose names do not matter.
   */
  publish(tag: string, files: Readonly<Record<string, Uint8Array>>): Promise<void>;
  remove(tag: string): Promise<void>;
  cleanUp(): Promise<void>;
}

export interface SourceTraits {
  /** The place offers one release at a time, the one published last (dewy's gRPC service). */
  readonly oneRelease?: true;
  /** Tags that such a place may have; semantic versions when undefined. */
  readonly tags?: readonly [string, string];
  /** An artifact as bytes that the place accepts; any bytes when undefined. */
  readonly content?: (bytes: Uint8Array) => Uint8Array;
}

const SIGNAL = new AbortController().signal;
const APP = 'app_linux_amd64.tar.gz';

/** Bytes that differ from place to place, so that a wrong offset shows. */
export function patterned(length: number, seed = 1): Uint8Array {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What the port promises, for one adapter. `open` is called for each test, and gives an empty place. */
export function sourceContract(
  name: string,
  open: () => Promise<SourceSite>,
  { oneRelease, tags = ['v1.0.0', 'v1.1.0'], content = (bytes) => bytes }: SourceTraits = {},
): void {
  const [older, newer] = tags;
  const site = async (): Promise<SourceSite> => {
    const opened = await open();
    onTestFinished(() => opened.cleanUp());
    return opened;
  };
  const bytes = (length: number, seed?: number) => content(patterned(length, seed));
  const released = async (source: Source, tag: string): Promise<SourceRelease> => {
    const { releases } = await source.list(undefined, SIGNAL);
    const found = releases.find((release) => release.tag === tag);
    if (found === undefined) throw new Error(`${tag} is not among ${releases.map((each) => each.tag)}`);
    return found;
  };
  const read = async (source: Source, artifact: Artifact, offset = 0) => {
    const opened = await source.open(artifact, { offset }, SIGNAL);
    return { ...opened, bytes: await readAll(opened.body) };
  };
  const first = ({ artifacts }: SourceRelease): Artifact => {
    const [artifact] = artifacts;
    if (artifact === undefined) throw new Error('the release has no artifacts');
    return artifact;
  };

  test(`${name}: lists what was published, and gives its bytes`, async () => {
    const { source, publish } = await site();
    const files: Record<string, Uint8Array> = {
      [APP]: bytes(300_000),
      ...(oneRelease ? {} : { 'b+c.txt': bytes(10, 2) }),
    };
    await publish(older, files);
    const { artifacts, tag } = await released(source, older);
    expect(tag).toBe(older);
    if (source.kind === 'files')
      expect(artifacts.map((each) => each.name).sort()).toEqual(Object.keys(files).sort());
    const contents = await Promise.all(artifacts.map((artifact) => read(source, artifact)));
    const expected =
      source.kind === 'image' ? Object.values(files) : artifacts.map((each) => files[each.name]);
    expect(contents.map((each) => each.bytes.equals(expected.shift() ?? Buffer.alloc(0)))).toEqual(
      artifacts.map(() => true),
    );
    for (const { size } of artifacts.filter((each) => each.name === APP))
      expect(size ?? 300_000).toBe(300_000);
  });

  test(`${name}: an empty place has no releases`, async () => {
    if (oneRelease) return;
    const { source } = await site();
    expect((await source.list(undefined, SIGNAL)).releases).toEqual([]);
  });

  test(`${name}: a new release is listed, and one that was removed is not`, async () => {
    const { source, publish, remove } = await site();
    await publish(older, { [APP]: bytes(10) });
    const before = await source.list(undefined, SIGNAL);
    await publish(newer, { [APP]: bytes(20, 2) });
    const both = await source.list(before, SIGNAL);
    expect(both.releases.map(({ tag }) => tag).sort()).toEqual(oneRelease ? [newer] : [older, newer]);
    if (oneRelease) return;
    await remove(newer);
    const after = await source.list(both, SIGNAL);
    expect(after.releases.map(({ tag }) => tag)).toEqual([older]);
  });

  test(`${name}: what has not changed is the listing that is known`, async () => {
    const { source, publish } = await site();
    await publish(older, { [APP]: bytes(10) });
    const listed = await source.list(undefined, SIGNAL);
    const again = await source.list(listed, SIGNAL);
    if (listed.validator !== undefined) expect(again).toBe(listed);
    expect(again.releases).toEqual(listed.releases);
  });

  test(`${name}: begins in the middle, or says that it does not`, async () => {
    const { source, publish } = await site();
    const whole = Buffer.from(bytes(200_000));
    await publish(older, { [APP]: whole });
    const artifact = first(await released(source, older));
    for (const offset of [0, 1, 65_536, whole.length - 1]) {
      const opened = await read(source, artifact, offset);
      expect([0, offset]).toContain(opened.offset);
      expect(opened.bytes.equals(whole.subarray(opened.offset))).toBe(true);
      expect(opened.size ?? whole.length).toBe(whole.length);
    }
  });

  test(`${name}: goes on with its own validator`, async () => {
    const { source, publish } = await site();
    const whole = Buffer.from(bytes(50_000));
    await publish(older, { [APP]: whole });
    const artifact = first(await released(source, older));
    const { validator } = await read(source, artifact);
    const opened = await source.open(artifact, { offset: 40_000, validator }, SIGNAL);
    expect([0, 40_000]).toContain(opened.offset);
    expect((await readAll(opened.body)).equals(whole.subarray(opened.offset))).toBe(true);
  });

  test(`${name}: an artifact that is not there is not found`, async () => {
    const { source, publish } = await site();
    await publish(older, { [APP]: bytes(10) });
    const artifact = first(await released(source, older));
    const gone = { ...artifact, name: 'gone', id: goneId(artifact.id) };
    const opening = source.open(gone, { offset: 0 }, SIGNAL).then(({ body }) => readAll(body));
    expect(await kindOfRejection(opening)).toBe('not-found');
  });

  test(`${name}: stops when asked to, before and while it reads`, async () => {
    const { source, publish } = await site();
    await publish(older, { [APP]: bytes(2_000_000) });
    const artifact = first(await released(source, older));
    const stopped = AbortSignal.abort();
    expect(await kindOfRejection(source.list(undefined, stopped))).toBe('cancelled');
    expect(await kindOfRejection(source.open(artifact, { offset: 0 }, stopped))).toBe('cancelled');
    const controller = new AbortController();
    const { body } = await source.open(artifact, { offset: 0 }, controller.signal);
    const reading = async () => {
      for await (const _chunk of body) controller.abort();
    };
    expect(await kindOfRejection(reading())).toBe('cancelled');
  });

  test(`${name}: a body may be left, and calls run side by side`, async () => {
    const { source, publish } = await site();
    const whole = Buffer.from(bytes(1_000_000));
    await publish(older, { [APP]: whole });
    const artifact = first(await released(source, older));
    const { body } = await source.open(artifact, { offset: 0 }, SIGNAL);
    for await (const _chunk of body) break;
    const all = await Promise.all([1, 2, 3, 4].map(() => read(source, artifact)));
    expect(all.map((each) => each.bytes.equals(whole))).toEqual([true, true, true, true]);
  });

  test(`${name}: a report changes nothing of what is picked`, async () => {
    const { source, publish } = await site();
    if (source.report === undefined) return;
    await publish(older, { [APP]: bytes(10) });
    const shipped = {
      tag: older,
      command: 'server',
      host: 'linux-amd64',
      time: '2026-07-03T10:20:30Z',
    } as const;
    await source.report({ ...shipped, error: undefined }, SIGNAL);
    const { releases } = await source.list(undefined, SIGNAL);
    const choice = source.kind === 'image' ? 'image' : oneRelease ? 'given' : 'files';
    const picked = selectRelease(releases, wants({ choice }));
    expect(picked.release?.tag).toBe(older);
    if (source.kind === 'files') expect('artifacts' in picked && picked.artifacts[0]?.name).toBe(APP);
  });
}

/** Of the same form, naming nothing. */
function goneId(id: string): string {
  if (/^\d+$/.test(id)) return String(Number(id) + 1_000_000);
  return id.replace(/[^/]+$/, (last) =>
    /^sha256:/.test(last) ? `sha256:${'0'.repeat(64)}` : `gone-${last}`,
  );
}
