import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load-config.js';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

interface PodSpec {
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: object;
  readonly containers: {
    readonly image: string;
    readonly command?: string[];
    readonly envFrom?: object[];
    readonly securityContext: object;
    readonly resources: { requests: object; limits: object };
    readonly ports?: { name: string; containerPort: number }[];
    readonly [probe: `${string}Probe`]: { httpGet: { path: string } };
  }[];
}

const FOLDER = 'deploy/kubernetes';
const require = createRequire(import.meta.url);
const kustomization = parse(readFileSync(join(FOLDER, 'kustomization.yaml'), 'utf8')) as {
  resources: string[];
  images: { name: string; newTag: string }[];
};
const manifests = kustomization.resources.flatMap((file) =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => {
    expect(document.errors, file).toEqual([]);
    return document.toJS() as Manifest;
  }),
);
const settings = Object.fromEntries(
  [...readFileSync(join(FOLDER, 'settings.env'), 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(
    ([, name, value]) => [name!, value!] as const,
  ),
);

function manifest(kind: string): Manifest {
  return manifests.find((manifest) => manifest.kind === kind)!;
}

function podOf(kind: string): PodSpec {
  return (manifest(kind).spec as { template: { spec: PodSpec } }).template.spec;
}

it('kustomization.yaml lists every manifest of the folder, and no other file', () => {
  const there = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');

  expect(kustomization.resources.toSorted()).toEqual(there.toSorted());
});

it.each(manifests.map((manifest) => [manifest.kind, manifest] as const))(
  'the Kubernetes manifests have a %s that fits the published schema',
  (_kind, manifest) => {
    const models = require(`kubernetes-models/${manifest.apiVersion}/${manifest.kind}`) as Record<
      string,
      { prototype: { validate(this: object): void } }
    >;
    const unread = new Set<string>();

    // Validates the manifest itself, because a model made from it would be a copy.
    models[manifest.kind]!.prototype.validate.call(watchReads(manifest, '', unread));

    // A field that the schema does not know was never read.
    expect([...unread]).toEqual([]);
  },
);

describe('the settings', () => {
  it('the Kubernetes settings start the service in production, with the secrets that the instructions name', () => {
    const config = loadConfig({
      NODE_ENV: 'production',
      ...settings,
      DATABASE_URL: 'mysql://shop:secret@mysql:3306/shop',
      REDIS_URL: 'redis://:secret@redis:6379/2',
      JWT_SECRET: 'only-for-this-test-0123456789-abcdefghij',
      QQ_APP_KEY: 'only-for-this-test',
      SMS_HTTP_KEY: 'only-for-this-test',
    });

    expect(config.production).toBe(true);
  });

  it('the Kubernetes settings leave more time to stop than draining and running requests may take', () => {
    const { SHUTDOWN_DRAIN_S, SHUTDOWN_GRACE_S } = settings;

    expect(podOf('Deployment').terminationGracePeriodSeconds).toBe(
      Number(SHUTDOWN_DRAIN_S) + Number(SHUTDOWN_GRACE_S) + 7,
    );
  });

  it('the Kubernetes settings contain no secret: a Secret that is not in the repository has them', () => {
    expect(
      Object.keys(settings)
        .filter((name) => /SECRET|KEY|PASSWORD|_URL$/.test(name))
        .toSorted(),
    ).toEqual(['PUBLIC_URL', 'SMS_HTTP_URL']);
    expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
    expect(podOf('Deployment').containers[0]!.envFrom).toContainEqual({
      secretRef: { name: 'qq-account-service' },
    });
  });

  it('the Kubernetes settings serve metrics on the port that the pod declares', () => {
    expect(podOf('Deployment').containers[0]!.ports).toContainEqual({
      name: 'metrics',
      containerPort: Number(settings.METRICS_PORT),
    });
  });
});

it.each(['Deployment', 'Job'])(
  'the Kubernetes %s runs without privileges, within limits, from this version',
  (kind) => {
    const pod = podOf(kind);
    const [container] = pod.containers;

    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container!.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container!.resources).toMatchObject({
      requests: { memory: expect.any(String) },
      limits: { memory: expect.any(String) },
    });
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(kustomization.images).toEqual([
      expect.objectContaining({ name: container!.image, newTag: version }),
    ]);
  },
);

it("the migration job's command uses files of the image", () => {
  const { command } = podOf('Job').containers[0]!;

  expect(command).toEqual(expect.arrayContaining(['node_modules/typeorm/cli.js', 'dist/ormconfig.js']));
  expect(existsSync('node_modules/typeorm/cli.js')).toBe(true);
  expect(existsSync('ormconfig.ts')).toBe(true);
});

it('the pod restarts by its liveness probe and gets traffic by its readiness probe', () => {
  const [container] = podOf('Deployment').containers;

  expect(container!.livenessProbe!.httpGet.path).toBe('/health/live');
  expect(container!.startupProbe!.httpGet.path).toBe('/health/live');
  expect(container!.readinessProbe!.httpGet.path).toBe('/health/ready');
});

it('the autoscaler scales by CPU and by a metric that the code counts', () => {
  const { metrics } = manifest('HorizontalPodAutoscaler').spec as {
    metrics: { type: string; pods?: { metric: { name: string } } }[];
  };

  expect(metrics.map(({ type }) => type)).toEqual(['Resource', 'Pods']);
  expect(readFileSync('src/users/hash-queue.ts', 'utf8')).toContain(`'${metrics[1]!.pods!.metric.name}'`);
});

/** The same object. `unread` holds the paths of fields that were never read. */
function watchReads<T extends object>(target: T, path: string, unread: Set<string>): T {
  const pathOf = (key: string) => `${path}/${key}`;
  const fields = Object.entries(target).map(([key, value]: [string, unknown]) => {
    unread.add(pathOf(key));
    const watched =
      typeof value === 'object' && value !== null ? watchReads(value, pathOf(key), unread) : value;
    return [key, watched] as const;
  });
  const watched = Array.isArray(target) ? fields.map(([, value]) => value) : Object.fromEntries(fields);
  return new Proxy(watched as T, {
    get: (from, key) => {
      if (typeof key === 'string') unread.delete(pathOf(key));
      return Reflect.get(from, key) as unknown;
    },
  });
}
