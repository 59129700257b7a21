// `npm run screenshots`: every page in every state, in both languages, on a phone and a desktop, in light and dark
// mode, on the smallest phone, and with text of 200 %, into screenshots/.
import { rmSync } from 'node:fs';
import { startVitest } from 'vitest/node';

rmSync(new URL('../../screenshots', import.meta.url), { recursive: true, force: true });
process.env.SCREENSHOTS = '1';
const vitest = await startVitest('test', ['test/browser/states'], { run: true, project: ['browser'] });
await vitest.close();
