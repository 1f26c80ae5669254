import { type FieldNode, type FragmentDefinitionNode, parse, type SelectionSetNode, validate } from 'graphql';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { pullRequestNode } from '../../../exporter/src/sources/github/answers.ts';
import { batchQuery } from '../../../exporter/src/sources/github/batchQuery.ts';
import { vendorGraphql } from './vendorSchemas.ts';

/** Names of fields -> those inside; `on <type>` for what only one type has. */
interface Fields {
  readonly [name: string]: Fields;
}

const REFS = [
  { owner: 'acme', repo: 'app', number: 7 },
  { owner: 'octo', repo: 'cli', number: 9 },
];

it('the query is one that GitHub understands, and asks for each pull request by its variables', () => {
  const { query, variables } = batchQuery(REFS);
  expect(validate(vendorGraphql(), parse(query)).map(({ message }) => message)).toEqual([]);
  expect(variables).toEqual({ o0: 'acme', r0: 'app', n0: 7, o1: 'octo', r1: 'cli', n1: 9 });
  expect(query).toContain('p1: repository(owner: $o1, name: $r1) { pullRequest(number: $n1) { ...pull } }');
});

it('it asks for what is read of its answer, and for nothing else', () => {
  const { definitions } = parse(batchQuery(REFS).query);
  const pull = definitions.find((found): found is FragmentDefinitionNode => found.kind === 'FragmentDefinition');
  expect(askedBy(pull?.selectionSet)).toEqual(readBy(pullRequestNode));
});

function askedBy(set: SelectionSetNode | undefined): Fields {
  return Object.fromEntries(
    (set?.selections ?? []).map((found) => {
      if (found.kind === 'FragmentSpread') throw new Error(`a fragment in a fragment: ${found.name.value}`);
      const name =
        found.kind === 'Field' ? (found satisfies FieldNode).name.value : `on ${found.typeCondition?.name.value}`;
      return [name, askedBy(found.selectionSet)];
    }),
  );
}

function readBy(type: unknown): Fields {
  if (type instanceof z.ZodNullable || type instanceof z.ZodOptional) return readBy(type.unwrap());
  if (type instanceof z.ZodArray) return readBy(type.element);
  if (type instanceof z.ZodObject) {
    return Object.fromEntries(Object.entries(type.shape).map(([name, inner]) => [name, readBy(inner)]));
  }
  if (!(type instanceof z.ZodDiscriminatedUnion)) return {};
  const options = type.options.map((option): [string, Fields] => {
    const { __typename, ...fields } = (option as z.ZodObject<{ __typename: z.ZodLiteral<string> }>).shape;
    return [`on ${__typename.value}`, readBy(z.object(fields))];
  });
  return { __typename: {}, ...Object.fromEntries(options) };
}
