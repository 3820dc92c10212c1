/** Something that people may want to be told. All times are RFC 3339 UTC. */
export type Notice =
  | {
      readonly event: 'version-added';
      readonly time: string;
      readonly component: string;
      readonly version: string;
      /** The person, or the track, that added it. */
      readonly author: string;
    }
  | {
      readonly event: 'configuration-changed';
      readonly time: string;
      readonly configuration: string;
      readonly revision: number;
      readonly author: string;
      /** The command line that made the change. */
      readonly command: string;
    }
  | {
      readonly event: 'deploy-started' | 'deploy-succeeded' | 'deploy-failed' | 'deploy-rolled-back';
      readonly time: string;
      readonly configuration: string;
      /** 0 where there is no registry. */
      readonly revision: number;
      /** How many hosts follow the configuration, and how many of them are in that state now. */
      readonly hosts: number;
      readonly done: number;
      /** Those to look at, a bounded number, with why. */
      readonly named: readonly { readonly host: string; readonly reason: string }[];
    }
  | {
      readonly event: 'host-lost' | 'host-recovered';
      readonly time: string;
      readonly host: string;
      /** Of the configurations that it follows. */
      readonly configurations: readonly string[];
    };

export type NoticeEvent = Notice['event'];
