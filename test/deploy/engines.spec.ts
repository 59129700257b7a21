import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('README and the operations handbook name every range of Node that package.json allows', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  const versions = engines.node.split(' || ').map((range) => range.replace(/^\^/, ''));
  const last = versions.pop()!;

  for (const file of ['README.md', 'docs/operations.md'])
    expect(readFileSync(file, 'utf8'), file).toContain(`${versions.join(', ')} or ${last}`);
  for (const file of ['README.zh-CN.md', 'docs/operations.zh-CN.md'])
    expect(readFileSync(file, 'utf8'), file).toContain(`${versions.join('、')} 或 ${last}`);
});
