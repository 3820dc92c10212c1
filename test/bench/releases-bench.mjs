import { heading, megabytes } from './lib/stats.mjs';

/** What the two releases are that the other benches deploy. */
export function releasesBench({ releases }) {
  heading('the two releases');
  const { files, treeBytes, changed, old, fresh } = releases();
  console.log(
    `  first   ${files} files, ${megabytes(treeBytes)} MB; tar.gz ${megabytes(old.archive.bytes)} MB`,
  );
  console.log(`  second  ${changed} of them changed, one of 3 MB added, all times fresh;`);
  console.log(`          tar.gz ${megabytes(fresh.archive.bytes)} MB`);
}
