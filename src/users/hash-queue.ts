import { Counter, Gauge, Histogram } from 'prom-client';
import { Client } from '../common/client.js';
import { untimed } from '../common/request-clock.js';
import { Problem } from '../common/problem.js';

/** The client whose request waits. */
export interface Asker
  extends Pick<Client, 'network'>, Partial<Pick<Client, 'clock' | 'isGone' | 'requestId'>> {
  /** The /24 or /48 around the network; missing: the network itself. */
  readonly subnet?: string;
}

/**
 * `proven`: another proof (an SMS code, a login token) came before the password. `guess`: the password is the only
 * proof, so anyone can cause this hash.
 */
export type Standing = 'proven' | 'guess';

export interface HashQueueOptions {
  /** Hashes that run at once. */
  readonly lanes: number;
  /** Longest wait for a lane, in ms. */
  readonly longestWaitMs: number;
  /** Milliseconds of one hash: an estimate until hashes have been measured. */
  readonly typicalMs: number;
}

/** Ends a reservation. A second call does nothing. */
export type Release = () => void;

interface Waiting {
  readonly asker: Asker;
  readonly since: number;
  readonly admit: () => void;
  readonly refuse: (problem: Problem) => void;
}

/**
 * How many requests of one subnet or network may wait, as a multiple of the free places. One network alone fills at
 * most half of the places, two networks two thirds. So there is always a place for another network.
 */
const SHARES = { subnet: 2, network: 1 };
/** Milliseconds between two checks for clients that have disconnected. */
const SWEEP_EVERY = 100;

const waitingNow = new Gauge({ name: 'qq_account_hash_queue_length', help: 'Password hashes waiting' });
const runningNow = new Gauge({ name: 'qq_account_hash_running', help: 'Password hashes being computed' });
const waited = new Histogram({
  name: 'qq_account_hash_wait_seconds',
  help: 'Time that a password hash waited for a lane',
  buckets: [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
});
const rejected = new Counter({
  name: 'qq_account_hash_rejected_total',
  help: 'Password hashes not computed: the bound that was full, the client had gone, or the service stops',
  labelNames: ['reason'],
});

/**
 * A bounded queue for password hashes, the heaviest work of the service. Proven requests and guesses have the same
 * number of places and alternate. Within each kind the subnets alternate. So a flood of guesses does not delay a bind,
 * and a flood from one network does not delay the others.
 */
export class HashQueue {
  private readonly queues = { proven: new FairQueue(), guess: new FairQueue() };
  private next: Standing = 'proven';
  private running = 0;
  private typicalMs: number;
  private sweptAt = 0;
  private closed = false;

  constructor(private readonly options: HashQueueOptions) {
    this.typicalMs = options.typicalMs;
  }

  /**
   * Runs `work` when a lane is free.
   * @param reserved ends this request's reservation, whose place the request takes
   * @throws Problem OVERLOADED at once when the queue or a share of it is full; later if the client has disconnected, or
   *   the queue is closed
   */
  async run<T>(asker: Asker, standing: Standing, work: () => Promise<T>, reserved?: Release): Promise<T> {
    return untimed(asker.clock, async () => {
      await this.lane(asker, standing, reserved);
      const start = performance.now();
      try {
        return await work();
      } finally {
        this.typicalMs += (performance.now() - start - this.typicalMs) / 8;
        this.running -= 1;
        runningNow.dec();
        this.admitNext();
      }
    });
  }

  /**
   * Reserves a place for a request that first looks up its account: a request that is refused must not wait for the
   * database.
   * @throws Problem OVERLOADED when the queue or a share of it is full
   */
  reserve(asker: Asker, standing: Standing): Release {
    this.refuseWhenFull(asker, standing);
    return this.queues[standing].reserve(asker);
  }

  /**
   * For a service that stops: refuses everything that waits, and every later hash. Hashes that run may end. The client
   * asks again and reaches another instance.
   */
  close(): void {
    this.closed = true;
    for (const queue of Object.values(this.queues))
      for (const { refuse } of queue.remove(() => true)) refuse(stopping());
  }

  private refuseWhenFull(asker: Asker, standing: Standing): void {
    const { proven, guess } = this.queues;
    if (this.running + proven.length + guess.length < this.options.lanes) return;
    if (this.full(asker, standing)) this.sweep();
    const reason = this.full(asker, standing);
    if (!reason) return;
    rejected.inc({ reason });
    const waitMs = (this.queues[standing].length * this.typicalMs) / this.options.lanes;
    throw new Problem('OVERLOADED', { retryAfter: Math.max(1, Math.ceil(waitMs / 1000)) });
  }

  private lane(asker: Asker, standing: Standing, reserved?: Release): Promise<void> | void {
    reserved?.();
    if (this.closed) throw stopping();
    if (this.running < this.options.lanes) {
      this.start(performance.now());
      return;
    }
    if (!reserved) this.refuseWhenFull(asker, standing);
    return new Promise((admit, refuse) => {
      this.queues[standing].add({ asker, since: performance.now(), admit, refuse });
    });
  }

  /** The bound that refuses this request. */
  private full(asker: Asker, standing: Standing): 'queue' | 'subnet' | 'network' | undefined {
    const { longestWaitMs, lanes } = this.options;
    const queue = this.queues[standing];
    // Half of the places: when both kinds wait, each gets every second lane.
    const places = Math.max(1, (longestWaitMs * lanes) / this.typicalMs / 2);
    const left = places - queue.length;
    const exceeds = (waiting: number, share: number) => waiting > 0 && waiting >= left * share;
    if (left <= 0) return 'queue';
    if (exceeds(queue.waitingOf(subnetOf(asker)), SHARES.subnet)) return 'subnet';
    if (exceeds(queue.waitingOf(asker.network), SHARES.network)) return 'network';
    return undefined;
  }

  private admitNext(): void {
    while (this.running < this.options.lanes) {
      const first = this.queues[this.next];
      const other = this.next === 'proven' ? 'guess' : 'proven';
      const waiting = first.shift() ?? this.queues[other].shift();
      if (!waiting) return;
      this.next = other;
      if (waiting.asker.isGone?.()) {
        refuseGone(waiting);
      } else {
        // Counted before it runs, so that no request in between can take its lane.
        this.start(waiting.since);
        waiting.admit();
      }
    }
  }

  private start(since: number): void {
    this.running += 1;
    runningNow.inc();
    waited.observe((performance.now() - since) / 1000);
  }

  /** Removes requests whose clients have disconnected, because they take up places. */
  private sweep(): void {
    const now = performance.now();
    if (now - this.sweptAt < SWEEP_EVERY) return;
    this.sweptAt = now;
    for (const queue of Object.values(this.queues)) {
      for (const waiting of queue.remove(({ asker }) => asker.isGone?.() ?? false)) {
        refuseGone(waiting);
      }
    }
  }
}

/** The client has disconnected, so nobody reads this answer. */
function refuseGone({ refuse }: Waiting): void {
  rejected.inc({ reason: 'gone' });
  refuse(new Problem('OVERLOADED', { retryAfter: 1 }));
}

function stopping(): Problem {
  rejected.inc({ reason: 'stopping' });
  return new Problem('OVERLOADED', { retryAfter: 1 });
}

const subnetOf = ({ subnet, network }: Asker): string => subnet ?? network;

/** First come, first served within a subnet. The subnets alternate. */
class FairQueue {
  /** Waiting requests and reservations. */
  length = 0;
  /** The order of the keys is the order in which subnets are served. */
  private readonly subnets = new Map<string, Waiting[]>();
  /** The number of waiting requests and reservations by network and by subnet. */
  private readonly counts = new Map<string, number>();

  /** How many requests of a network or subnet wait or have a reservation. */
  waitingOf(place: string): number {
    return this.counts.get(place) ?? 0;
  }

  reserve(asker: Asker): Release {
    let held = true;
    this.count(asker, 1);
    return () => {
      if (held) this.count(asker, -1);
      held = false;
    };
  }

  add(waiting: Waiting): void {
    const subnet = subnetOf(waiting.asker);
    const queue = this.subnets.get(subnet);
    if (queue) queue.push(waiting);
    else this.subnets.set(subnet, [waiting]);
    this.count(waiting.asker, 1);
    waitingNow.inc();
  }

  shift(): Waiting | undefined {
    const [first] = this.subnets;
    if (!first) return undefined;
    const [subnet, queue] = first;
    this.subnets.delete(subnet);
    const waiting = queue.shift()!;
    if (queue.length > 0) this.subnets.set(subnet, queue);
    this.count(waiting.asker, -1);
    waitingNow.dec();
    return waiting;
  }

  remove(unwanted: (waiting: Waiting) => boolean): Waiting[] {
    const removed: Waiting[] = [];
    for (const [subnet, queue] of this.subnets) {
      const kept = queue.filter((waiting) => !unwanted(waiting) || (removed.push(waiting), false));
      if (kept.length > 0) this.subnets.set(subnet, kept);
      else this.subnets.delete(subnet);
    }
    for (const { asker } of removed) this.count(asker, -1);
    waitingNow.dec(removed.length);
    return removed;
  }

  private count(asker: Asker, change: 1 | -1): void {
    this.length += change;
    for (const place of new Set([asker.network, subnetOf(asker)])) {
      const count = this.waitingOf(place) + change;
      if (count > 0) this.counts.set(place, count);
      else this.counts.delete(place);
    }
  }
}
