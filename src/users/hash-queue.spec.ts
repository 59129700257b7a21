import { describe, expect, it } from 'vitest';
import { Problem } from '../common/problem.js';
import { type Asker, HashQueue, type Standing } from './hash-queue.js';

/** Hashes that end when the test says so, in the order in which they were admitted. */
class Hashes {
  readonly admitted: string[] = [];
  readonly refused: string[] = [];
  readonly retryAfter: number[] = [];
  private readonly ends: (() => void)[] = [];
  private readonly asked: Promise<void>[] = [];

  constructor(
    private readonly queue: HashQueue,
    private readonly network = '192.0.2.1',
  ) {}

  ask(name: string, asker: Partial<Asker> = {}, standing: Standing = 'proven'): void {
    const hash = this.queue.run({ network: this.network, ...asker }, standing, () => {
      this.admitted.push(name);
      return new Promise<void>((resolve) => this.ends.push(resolve));
    });
    this.asked.push(
      hash.catch((error: Problem) => {
        this.refused.push(name);
        expect(error.code).toBe('OVERLOADED');
        this.retryAfter.push(error.retryAfter!);
      }),
    );
  }

  /** Ends the hashes one after another, to the last. */
  async drain(): Promise<void> {
    await settled();
    for (let end = this.ends.shift(); end; end = this.ends.shift()) {
      end();
      await settled();
    }
    await Promise.all(this.asked);
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
/** Eight places for each kind: four of them for one network, six for one subnet. */
const queueOf = (lanes = 1) => new HashQueue({ lanes, longestWaitMs: 16_000 / lanes, typicalMs: 1000 });

describe('HashQueue', () => {
  it('HashQueue runs as many hashes at once as there are lanes, and the others in order of arrival', async () => {
    const hashes = new Hashes(queueOf(2));

    for (const name of ['a', 'b', 'c', 'd']) hashes.ask(name);
    await settled();
    expect(hashes.admitted).toEqual(['a', 'b']);

    await hashes.drain();
    expect(hashes.admitted).toEqual(['a', 'b', 'c', 'd']);
  });

  it('HashQueue counts reservations as places, until they are used or released', async () => {
    const queue = queueOf();
    const hashes = new Hashes(queue);
    const askers = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((network) => ({ network }));
    const reserved = askers.map((asker) => queue.reserve(asker, 'guess'));
    expect(() => queue.reserve({ network: 'i' }, 'guess')).toThrow(Problem);

    reserved[0]!();
    reserved[0]!();
    const again = queue.reserve({ network: 'i' }, 'guess');
    expect(() => queue.reserve({ network: 'j' }, 'guess')).toThrow(Problem);

    hashes.ask('proven');
    const guess = queue.run({ network: 'i' }, 'guess', async () => 'hashed', again);
    await hashes.drain();
    expect(await guess).toBe('hashed');
    expect(hashes.refused).toEqual([]);
    expect(queue.reserve({ network: 'j' }, 'guess')).toBeTypeOf('function');
  });

  it('HashQueue frees the lane when a hash fails', async () => {
    const queue = queueOf();

    const failing = queue.run({ network: 'n' }, 'proven', () => Promise.reject(new Error('no')));
    const next = queue.run({ network: 'n' }, 'proven', async () => 'done');

    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('done');
  });

  it('HashQueue refuses at once what would wait too long, with the seconds until another try makes sense', async () => {
    const hashes = new Hashes(queueOf());

    for (let nth = 0; nth < 12; nth++) hashes.ask(String(nth), { network: `192.0.${nth}.1` });
    await settled();

    expect(hashes.refused).toEqual(['9', '10', '11']);
    expect(hashes.retryAfter).toEqual([8, 8, 8]);
    await hashes.drain();
    expect(hashes.admitted).toHaveLength(9);
  });

  it('HashQueue keeps places for others while one network floods it', async () => {
    const hashes = new Hashes(queueOf());

    for (let nth = 0; nth < 20; nth++) hashes.ask(`flood ${nth}`);
    hashes.ask('other', { network: '203.0.113.7' });
    await settled();

    expect(hashes.refused).toHaveLength(15);
    expect(hashes.refused).not.toContain('other');
    await hashes.drain();
    // One runs. Then the two subnets take turns.
    expect(hashes.admitted.slice(0, 4)).toEqual(['flood 0', 'flood 1', 'other', 'flood 2']);
  });

  it('HashQueue keeps a place for the next network, however many flood it', async () => {
    const hashes = new Hashes(queueOf());

    for (let nth = 0; nth < 90; nth++) hashes.ask(`flood ${nth}`, { network: `192.0.${nth % 3}.1` });
    hashes.ask('other', { network: '203.0.113.7' });
    await settled();

    expect(hashes.refused).not.toContain('other');
    await hashes.drain();
  });

  it('HashQueue counts the networks of one subnet together', async () => {
    const hashes = new Hashes(queueOf());

    for (let nth = 0; nth < 9; nth++)
      hashes.ask(String(nth), { network: `198.51.100.${nth}`, subnet: '198.51.100.0/24' });
    hashes.ask('other', { network: '203.0.113.7', subnet: '203.0.113.0/24' });
    await settled();

    expect(hashes.refused).toEqual(['7', '8']);
    await hashes.drain();
    expect(hashes.admitted.indexOf('other')).toBe(2);
  });

  it('HashQueue gives half of the places, and every second lane, to requests with another proof', async () => {
    const hashes = new Hashes(queueOf());

    for (let nth = 0; nth < 20; nth++) hashes.ask(`guess ${nth}`, { network: `192.0.${nth}.1` }, 'guess');
    hashes.ask('proven 0', { network: '203.0.113.7' });
    hashes.ask('proven 1', { network: '203.0.113.8' });
    await settled();

    expect(hashes.refused).toHaveLength(11);
    expect(hashes.refused.some((name) => name.startsWith('proven'))).toBe(false);
    await hashes.drain();
    expect(hashes.admitted.slice(0, 5)).toEqual(['guess 0', 'proven 0', 'guess 1', 'proven 1', 'guess 2']);
  });

  it('HashQueue does not hash for a client that has disconnected', async () => {
    const hashes = new Hashes(queueOf());
    let gone = false;

    hashes.ask('running');
    hashes.ask('leaves', { isGone: () => gone });
    hashes.ask('stays', { isGone: () => false });
    gone = true;
    await hashes.drain();

    expect(hashes.admitted).toEqual(['running', 'stays']);
    expect(hashes.refused).toEqual(['leaves']);
  });

  it('HashQueue frees places at once when the clients that fill it have disconnected', async () => {
    const hashes = new Hashes(queueOf());
    let gone = false;
    for (let nth = 0; nth < 9; nth++)
      hashes.ask(String(nth), { network: `192.0.${nth}.1`, isGone: () => gone });

    gone = true;
    hashes.ask('new', { network: '203.0.113.7' });
    await settled();

    expect(hashes.refused).toHaveLength(8);
    await hashes.drain();
    expect(hashes.admitted).toEqual(['0', 'new']);
  });

  it('HashQueue that is closed refuses what waits and what comes, and lets running hashes end', async () => {
    const queue = queueOf();
    const hashes = new Hashes(queue);
    for (const name of ['running', 'waiting']) hashes.ask(name);
    hashes.ask('guess', { network: '192.0.2.2' }, 'guess');
    await settled();

    queue.close();
    hashes.ask('late');
    await settled();

    expect(hashes.refused.toSorted()).toEqual(['guess', 'late', 'waiting']);
    expect(hashes.retryAfter).toEqual([1, 1, 1]);
    await hashes.drain();
    expect(hashes.admitted).toEqual(['running']);
  });
});
