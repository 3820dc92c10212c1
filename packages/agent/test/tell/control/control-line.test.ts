import {
  CONTROL_COMMANDS,
  type ControlRequest,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeFailure,
  encodeRequest,
} from '@deploy-tools/agent/tell/control/control-line.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('the lines of the control socket', () => {
  it('carry every request', () => {
    const requests = fc.record(
      {
        command: fc.constantFrom(...CONTROL_COMMANDS),
        name: fc.option(fc.string(), { nil: undefined }),
        by: fc.string({ maxLength: 64 }),
        reason: fc.string({ maxLength: 500 }),
      },
      { requiredKeys: ['command', 'name'] },
    ) as fc.Arbitrary<ControlRequest>;
    fc.assert(
      fc.property(requests, (request) => {
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
      }),
    );
  });

  it('carry answers and failures', () => {
    expect(decodeAnswer(encodeAnswer([{ Config: 'a' }]))).toEqual([{ Config: 'a' }]);
    const failure = new DeployError('in-use', 'a deployment is in progress', { hint: 'wait' });
    expect(() => decodeAnswer(encodeFailure(failure))).toThrow(failure);
  });

  it('are refused in words when they are anything else', () => {
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom('{"Command":"explode"}', '{"Error":{"Kind":"?"}}', '{"Configs":[1]}'),
    );
    fc.assert(
      fc.property(lines, (line) => {
        for (const decode of [decodeRequest, decodeAnswer]) {
          try {
            decode(line);
          } catch (error) {
            expect(isDeployError(error)).toBe(true);
          }
        }
      }),
    );
  });
});
