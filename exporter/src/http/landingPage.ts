import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
dt { margin-top: 0.75rem; font-weight: 600; }
dd { margin: 0; }
a:focus-visible { outline: 3px solid; outline-offset: 2px; }
`;

/** For the content security policy: the one style that the page may apply. */
export const LANDING_STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

const LINKS: readonly (readonly [href: string, text: string, description: string])[] = [
  ['metrics', 'Metrics', 'for Prometheus, in its text format and in OpenMetrics'],
  ['health', 'Health', 'the state and latency of every part, as JSON'],
  ['-/ready', 'Readiness', 'whether this exporter can serve'],
  ['openapi.json', 'API description', 'OpenAPI, with every route of the API'],
];

/** `GET /`: what an operator finds who opens the address in a browser. Links are relative, so that it works behind a prefix. */
export function landingPage(app: FastifyInstance, version: string): void {
  const links = LINKS.map(([href, text, about]) => `<dt><a href="${href}">${text}</a></dt><dd>${about}</dd>`);
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fleetlens exporter</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Fleetlens exporter</h1>
<p>Metrics of fleets of AI coding agents. Version ${version}.</p>
<dl>
${links.join('\n')}
</dl>
</main>
</body>
</html>
`;
  app.get('/', { config: { access: 'public' } }, async (_request, reply) => {
    return reply.type('text/html; charset=utf-8').send(page);
  });
}
