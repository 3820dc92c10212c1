/** What a package is made of, as CycloneDX 1.6 in JSON. @see https://cyclonedx.org/docs/1.6/json/ */
export function billOfMaterials({ kind, version, parts }) {
  const components = parts.map(({ name, version: of, integrity, license }) => ({
    type: 'library',
    'bom-ref': purl(name, of),
    name,
    version: of,
    purl: purl(name, of),
    ...(license === undefined ? {} : { licenses: [licenseOf(license)] }),
    hashes: [
      { alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') },
    ],
  }));
  const component = {
    type: 'application',
    'bom-ref': kind,
    name: kind,
    version,
    licenses: [licenseOf('MIT')],
  };
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component },
    components,
  };
  return `${JSON.stringify(bill, undefined, 2)}\n`;
}

/** An expression of SPDX, or one of its licenses by its name. */
function licenseOf(license) {
  return / (OR|AND|WITH) |\(/.test(license) ? { expression: license } : { license: { id: license } };
}

/** @see https://github.com/package-url/purl-spec */
function purl(name, version) {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}
