export interface Chapter {
  /** The anchor, as code hosts make it of the title; '' before the first one. */
  readonly id: string;
  readonly level: 2 | 3;
  /** Absent: what stands before the first heading. */
  readonly title?: string;
  /** Markdown. */
  readonly text: string;
}

/** The chapters of a file in Markdown whose title is its first line. Links to files beside it, which are not here, become plain text. */
export function chaptersOf(markdown: string): readonly Chapter[] {
  const [, ...lines] = markdown.split('\n');
  const text = lines.join('\n').replace(/\[([^\]]+)\]\([\w./-]+\.md(?:#[\w-]*)?\)/g, '$1');
  const [before = '', ...parts] = text.split(/^(?=#{2,3} )/m);
  return [
    { id: '', level: 2, text: before },
    ...parts.map((part): Chapter => {
      const [, marks = '', title = '', rest = ''] = /^(#+) (.*)\n([\s\S]*)$/.exec(part) ?? [];
      return { id: anchorOf(title), level: marks.length === 2 ? 2 : 3, title, text: rest };
    }),
  ];
}

function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}
