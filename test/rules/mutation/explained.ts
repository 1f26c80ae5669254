/** Changes that no test can notice, or that make no difference to anybody, by `name | operator | change`. */
export const EXPLAINED: readonly { readonly mutants: RegExp; readonly because: string }[] = [];
