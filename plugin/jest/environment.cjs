const { TestEnvironment } = require('jest-environment-jsdom');

/** React's scheduler wants one; Node's own keeps Jest from exiting. */
class TimedMessageChannel {
  constructor() {
    const port = (other) => ({
      onmessage: null,
      close() {},
      postMessage: (data) => setTimeout(() => other().onmessage?.({ data })),
    });
    this.port1 = port(() => this.port2);
    this.port2 = port(() => this.port1);
  }
}

/** jsdom with what browsers have besides and jsdom lacks: Node's own fetch, URL, streams and encoders. */
module.exports = class BrowserEnvironment extends TestEnvironment {
  // MSW intercepts Node's fetch; the "browser" condition would pick builds that expect a service worker.
  exportConditions() {
    return ['node', 'node-addons'];
  }

  async setup() {
    await super.setup();
    for (const name of [
      'fetch',
      'Request',
      'URL',
      'URLSearchParams',
      'Response',
      'Headers',
      'FormData',
      'Blob',
      'ReadableStream',
      'WritableStream',
      'TransformStream',
      'TextDecoderStream',
      'TextEncoder',
      'TextDecoder',
      'BroadcastChannel',
      'structuredClone',
      'AbortController',
      'AbortSignal',
    ]) {
      this.global[name] = globalThis[name];
    }
    this.global.MessageChannel = TimedMessageChannel;
  }
};
