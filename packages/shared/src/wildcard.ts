/**
 * Whether a text matches a comma-separated list of patterns, as in known_hosts (ssh_config(5), PATTERNS): one pattern has to match,
 * and no pattern that begins with `!`. Spaces around a pattern do not count.
 */
export function matchesPatternList(list: string, text: string): boolean {
  let found = false;
  for (const item of list.split(',')) {
    const pattern = item.trim();
    const negated = pattern.startsWith('!');
    if (!matchesWildcard(negated ? pattern.slice(1) : pattern, text)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/**
 * Whether a pattern matches the whole text; `*` stands for any characters, `?` for one. Takes at most pattern × text steps: after a
 * mismatch, only the last `*` is extended by one character.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  const wanted = [...pattern];
  const given = [...text];
  let at = 0;
  let star = -1;
  let retry = 0;
  let p = 0;
  while (at < given.length) {
    if (wanted[p] === '*') {
      star = p;
      retry = at;
      p += 1;
    } else if (p < wanted.length && (wanted[p] === '?' || wanted[p] === given[at])) {
      p += 1;
      at += 1;
    } else if (star >= 0) {
      retry += 1;
      at = retry;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (wanted[p] === '*') p += 1;
  return p === wanted.length;
}
