import { describe, expect, it } from 'vitest';
import { acs3Signature, tc3Signature } from './sms-vendors.js';

describe("the vendors' signatures, by the examples that the vendors publish", () => {
  const RUN_INSTANCES = {
    method: 'POST',
    path: '/',
    query: 'RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd',
    body: '',
  };

  // https://help.aliyun.com/document_detail/2593177.html and …/model-studio/roa-style-request-body-signature-mechanism
  it.each([
    [
      '2023-10-26T10:22:32Z',
      '3156853299f313e23d1673dc12e1703d',
      '06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
    ],
    [
      '2023-10-26T09:01:01Z',
      'd410180a5abf7fe235dd9b74aca91fc0',
      'e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804',
    ],
  ])("the stand-in's signature is the published ACS3-HMAC-SHA256 of %s", (date, nonce, signature) => {
    const headers = {
      host: 'ecs.cn-shanghai.aliyuncs.com',
      'x-acs-action': 'RunInstances',
      'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'x-acs-date': date,
      'x-acs-signature-nonce': nonce,
      'x-acs-version': '2014-05-26',
    };

    expect(acs3Signature({ ...RUN_INSTANCES, headers }, Object.keys(headers), 'YourAccessKeySecret')).toBe(
      signature,
    );
  });

  // https://cloud.tencent.com/document/api/362/4208: the key of the older edition, then the starred one of today's
  it.each([
    [
      'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE',
      ['content-type', 'host'],
      '72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168',
    ],
    [
      '*'.repeat(32),
      ['content-type', 'host', 'x-tc-action'],
      '10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f',
    ],
  ])(
    "the stand-in's signature is the published TC3-HMAC-SHA256 with the key %s",
    (secret, signedHeaders, signature) => {
      const request = {
        method: 'POST',
        path: '/',
        query: '',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          host: 'cvm.tencentcloudapi.com',
          'x-tc-action': 'describeinstances',
        },
        body: String.raw`{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`,
      };

      expect(
        tc3Signature(request, signedHeaders, secret, {
          service: 'cvm',
          date: '2019-02-25',
          timestamp: '1551113065',
        }),
      ).toBe(signature);
    },
  );
});
