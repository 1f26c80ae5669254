import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { schema } from '@octokit/graphql-schema';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { buildSchema, type GraphQLSchema } from 'graphql';

const require = createRequire(import.meta.url);

interface Description {
  readonly paths: Record<
    string,
    { get: { responses: Record<string, { content: Record<string, { schema: object; examples: object }> }> } }
  >;
  readonly components: { readonly examples: Record<string, { readonly value: unknown }> };
}

let description: Description | undefined;

/** GitHub's own description of its REST API. */
function openapi(): Description {
  const file = join(dirname(require.resolve('@octokit/openapi/package.json')), 'generated/api.github.com.json');
  // OpenAPI 3.0 lets a nullable enum be null, JSON Schema only where null is on its list.
  description ??= JSON.parse(readFileSync(file, 'utf8'), (_key, value) =>
    value?.nullable === true && Array.isArray(value.enum) ? { ...value, enum: [...value.enum, null] } : value,
  ) as Description;
  return description;
}

/** GitHub's own example of a schema, to be changed. */
export function vendorExample<T extends object>(name: string): T {
  const example = openapi().components.examples[name];
  if (example === undefined) throw new Error(`@octokit/openapi has no example ${name}`);
  return structuredClone(example.value) as T;
}

const validators = new Map<string, ValidateFunction>();
let ajv: Ajv | undefined;

/** @throws where GitHub would not answer so. `path` as the description writes it. */
export function checkAnswer(path: string, body: unknown): void {
  if (ajv === undefined) {
    // OpenAPI 3.0 has keywords (nullable, example) that JSON Schema has not; ajv knows nullable.
    ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
    addFormats.default(ajv);
    ajv.addSchema(openapi(), 'github');
  }
  let validate = validators.get(path);
  if (validate === undefined) {
    const pointer = ['paths', path, 'get', 'responses', '200', 'content', 'application/json', 'schema']
      .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
      .map(encodeURIComponent)
      .join('/');
    validate = ajv.compile({ $ref: `github#/${pointer}` });
    validators.set(path, validate);
  }
  if (!validate(body)) {
    const [first] = validate.errors ?? [];
    throw new Error(`the contract server answers ${path} as GitHub does not: ${first?.instancePath} ${first?.message}`);
  }
}

let graphqlSchema: GraphQLSchema | undefined;

/** GitHub's own GraphQL schema. */
export function vendorGraphql(): GraphQLSchema {
  graphqlSchema ??= buildSchema(schema.idl, { assumeValidSDL: true });
  return graphqlSchema;
}
