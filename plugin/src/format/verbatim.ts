/** For values of records in texts of `t()`: React escapes what it renders; i18next would do so before, a second time. */
export const VERBATIM = { interpolation: { escapeValue: false } } as const;
