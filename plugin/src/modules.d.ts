/** The AMD module that is being loaded, as SystemJS tells it. */
declare module 'amd-module' {
  const module: { readonly uri?: string } | undefined;
  export default module;
}

/** A file of the project, as it is written. */
declare module '*.md' {
  const text: string;
  export default text;
}
