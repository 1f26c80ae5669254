import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

export interface DescribedResponse {
  readonly content?: Readonly<Record<string, { readonly schema: object; readonly example?: unknown }>>;
}
export interface DescribedOperation {
  readonly operationId: string;
  readonly requestBody?: {
    readonly content: Readonly<
      Record<
        string,
        { readonly schema: object; readonly examples?: Readonly<Record<string, { readonly value: unknown }>> }
      >
    >;
  };
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}

/** An answer as it came over HTTP. */
export interface Answered {
  readonly method: string;
  /** With or without its query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly body: string;
}

/**
 * Clients have to pass over fields that they do not know, so the description leaves records open. Here a field that it does not have is
 * an error.
 */
function closed(document: object): object {
  const { components, ...rest } = structuredClone(document) as { components: { schemas: Record<string, object> } };
  const schemas = Object.entries(components.schemas).map(([name, schema]) => {
    const { properties } = schema as { properties?: { data?: { items?: object } } };
    if (name === 'RunAnswer') return [name, { ...schema, unevaluatedProperties: false }];
    if (!name.endsWith('Page') || properties?.data?.items === undefined) return [name, schema];
    const data = { ...properties.data, items: { ...properties.data.items, unevaluatedProperties: false } };
    return [name, { ...schema, properties: { ...properties, data } }];
  });
  return { ...rest, components: { ...components, schemas: Object.fromEntries(schemas) } };
}

/** What `GET /openapi.json` says, and whether answers are as it says. */
export class ApiDescription {
  readonly document: { readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>> };
  readonly #ajv: Ajv2020;
  readonly #patterns: readonly { readonly path: string; readonly pattern: RegExp }[];

  private constructor(document: ApiDescription['document']) {
    this.document = document;
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(this.#ajv);
    this.#ajv.addSchema(closed(document), 'api');
    const escaped = (text: string) => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
    // A path without parameters goes before one with them, as in the server.
    this.#patterns = Object.keys(document.paths)
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((path) => ({ path, pattern: new RegExp(`^${escaped(path).replace(/\{\w+\}/g, '[^/]+')}$`) }));
  }

  /** @param document as `describeApi` makes it */
  static of(document: object): ApiDescription {
    return new ApiDescription(document as ApiDescription['document']);
  }

  /** @param url of the exporter. */
  static async load(url: string): Promise<ApiDescription> {
    const response = await fetch(`${url}/openapi.json`);
    if (!response.ok) throw new Error(`GET /openapi.json: found ${response.status}, expected 200`);
    return new ApiDescription((await response.json()) as ApiDescription['document']);
  }

  /** Each route as the framework names it: `GET /api/v1/runs/:source/:id`. */
  routes(): string[] {
    return this.operations().map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`);
  }

  operations(): { readonly method: string; readonly path: string; readonly operation: DescribedOperation }[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  }

  /** @returns what checks a value by the schema at this place of the document. */
  validator(...place: readonly string[]): ValidateFunction {
    const pointer = place.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
    const found = this.#ajv.getSchema(`api#/${pointer}`);
    if (found === undefined) throw new Error(`${place.join(' > ')}: found no schema in the description`);
    return found;
  }

  /** @param path with or without its query */
  hasRoute(method: string, path: string): boolean {
    return this.document.paths[this.#described(path)]?.[method.toLowerCase()] !== undefined;
  }

  #described(path: string): string {
    const { pathname } = new URL(path, 'http://exporter');
    return this.#patterns.find(({ pattern }) => pattern.test(pathname))?.path ?? '';
  }

  /** @returns what is wrong with an answer; undefined where it is as described. */
  problemOf({ method, path, status, contentType, body }: Answered): string | undefined {
    const at = `${method} ${path}`;
    const described = this.#described(path);
    const operation = this.document.paths[described]?.[method.toLowerCase()];
    if (operation === undefined) return `${at}: found no such route in the description`;
    const content = operation.responses[status]?.content;
    if (content === undefined) return `${at}: found ${status}, expected one of ${Object.keys(operation.responses)}`;
    const media = contentType?.split(';', 1)[0]?.trim() ?? '';
    if (content[media] === undefined) {
      return `${at} ${status}: found content type ${media}, expected one of ${Object.keys(content)}`;
    }
    if (media !== 'application/json') return undefined;
    const validate = this.validator(
      'paths',
      described,
      method.toLowerCase(),
      'responses',
      String(status),
      'content',
      media,
      'schema',
    );
    if (validate(JSON.parse(body))) return undefined;
    return `${at} ${status}: ${JSON.stringify(validate.errors?.slice(0, 3))}; found ${body.slice(0, 500)}`;
  }
}
