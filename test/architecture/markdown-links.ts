/** A link of a Markdown text to a file of this repository. */
export interface Link {
  /** From 1. */
  readonly line: number;
  /** As written, relative to the text's directory; empty for the text itself. */
  readonly path: string;
  readonly anchor: string | undefined;
}

const LINK = /\]\(([^()\s]+)\)/g;

/** The links to files; those with a scheme (`https:`) lead elsewhere and are left out. */
export function linksOf(markdown: string): Link[] {
  return proseLines(markdown).flatMap(([text, line]) =>
    [...text.matchAll(LINK)].flatMap(([, target = '']) => {
      if (/^[a-z]+:/i.test(target)) return [];
      const [path = '', anchor] = target.split('#');
      return [{ line, path: decodeURIComponent(path), anchor }];
    }),
  );
}

/** The anchors that GitHub gives to the headings of a text. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [text] of proseLines(markdown)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1];
    if (heading !== undefined) anchors.add(unused(slugOf(heading), anchors));
  }
  return anchors;
}

/** Lower case, punctuation left out, blanks to hyphens; of links and code only the text counts. */
function slugOf(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replace(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '').replaceAll(' ', '-');
}

function unused(slug: string, taken: ReadonlySet<string>): string {
  let name = slug;
  for (let number = 1; taken.has(name); number += 1) name = `${slug}-${number}`;
  return name;
}

/** Lines outside of fenced code, with their numbers. */
function proseLines(markdown: string): [string, number][] {
  let fenced = false;
  return markdown.split('\n').flatMap((text, index): [string, number][] => {
    if (/^\s*(```|~~~)/.test(text)) fenced = !fenced;
    return fenced ? [] : [[text, index + 1]];
  });
}
