import {
  type CallOptions,
  type ChannelCredentials,
  type Client,
  type ClientUnaryCall,
  makeClientConstructor,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

export interface CurrentRequest {
  readonly arch: string;
  readonly os: string;
  /** Spelled as in dewy's service. */
  readonly arifact_name?: string;
}

export interface CurrentResponse {
  readonly id: string;
  readonly tag: string;
  readonly artifact_url: string;
}

export interface ReportRequest {
  /** Of the answer to Current. */
  readonly id: string;
  readonly tag: string;
  /** Absent after a success. */
  readonly err?: string;
}

const string = (id: number) => ({ type: 'string', id });
const optionalString = (id: number) => ({ ...string(id), options: { proto3_optional: true } });

/** The service of dewy's protocol file, as an object. */
const DESCRIPTOR: Parameters<typeof fromJSON>[0] = {
  nested: {
    dewy: {
      nested: {
        CurrentRequest: { fields: { arch: string(1), os: string(2), arifact_name: optionalString(3) } },
        CurrentResponse: { fields: { id: string(1), tag: string(2), artifact_url: string(3) } },
        ReportRequest: { fields: { id: string(1), tag: string(2), err: optionalString(3) } },
        Nothing: { fields: {} },
        RegistryService: {
          methods: {
            Current: { requestType: 'CurrentRequest', responseType: 'CurrentResponse', comment: '' },
            Report: { requestType: 'ReportRequest', responseType: 'Nothing', comment: '' },
          },
        },
      },
    },
  },
};

/** The service's definition, for a client and for the server in tests. */
export function dewyService(): ServiceDefinition {
  const definition = fromJSON(DESCRIPTOR, { keepCase: true, defaults: true });
  return definition['dewy.RegistryService'] as ServiceDefinition;
}

type Answered<T> = (error: ServiceError | null, answer?: T) => void;

export interface DewyClient extends Client {
  Current(request: CurrentRequest, options: CallOptions, done: Answered<CurrentResponse>): ClientUnaryCall;
  Report(request: ReportRequest, options: CallOptions, done: Answered<object>): ClientUnaryCall;
}

/** A client of dewy's registry service; it connects with its first call, and again by itself. */
export function dewyClient(address: string, credentials: ChannelCredentials): DewyClient {
  const Constructor = makeClientConstructor(dewyService(), 'dewy.RegistryService');
  return new Constructor(address, credentials) as unknown as DewyClient;
}
