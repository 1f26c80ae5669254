import type { OUTPUT_ROLES } from '@contract/records.ts';
import { colorManipulator, type GrafanaTheme2, type IconName } from '@grafana/data';
import { t } from '@grafana/i18n';
import type { AnsiColor } from './ansiText';

export type OutputRole = (typeof OUTPUT_ROLES)[number];

interface RoleLook {
  readonly word: () => string;
  readonly icon: IconName;
  /** A name of Grafana's palette. */
  readonly color: string;
}

/** Who or what printed a line: icon, word and colour. */
export const ROLE_LOOKS: Readonly<Record<OutputRole, RoleLook>> = {
  assistant: { word: () => t('output.assistant', 'Assistant'), icon: 'comment-alt', color: 'blue' },
  tool: { word: () => t('output.tool', 'Tool'), icon: 'brackets-curly', color: 'purple' },
  user: { word: () => t('output.user', 'User'), icon: 'user', color: 'green' },
  system: { word: () => t('output.system', 'System'), icon: 'cog', color: 'gray' },
  error: { word: () => t('output.error', 'Error'), icon: 'exclamation-circle', color: 'red' },
  stdout: { word: () => t('output.stdout', 'stdout'), icon: 'angle-right', color: 'gray' },
  stderr: { word: () => t('output.stderr', 'stderr'), icon: 'exclamation-triangle', color: 'orange' },
};

const ANSI_NAMES = ['gray', 'red', 'green', 'yellow', 'blue', 'purple', 'light-blue', 'text'];
/** Of text: WCAG AA. */
const TEXT_CONTRAST = 4.5;

/** Colours of terminals as the theme has them: readable on the page's background, whatever a program asks for. */
export class OutputColors {
  readonly #theme: GrafanaTheme2;
  readonly #known = new Map<string, string>();

  constructor(theme: GrafanaTheme2) {
    this.#theme = theme;
  }

  get ground(): string {
    return this.#theme.colors.background.canvas;
  }

  /** A colour of the palette, as text. */
  named(name: string): string {
    return this.#remember(`named ${name}`, () =>
      this.#readable(this.#theme.visualization.getColorByName(name), this.ground),
    );
  }

  text(color: AnsiColor | undefined, background: AnsiColor | undefined): string | undefined {
    if (color === undefined && background === undefined) return undefined;
    return this.#remember(`text ${color} on ${background}`, () => {
      const ground = this.background(background) ?? this.ground;
      return this.#readable(color === undefined ? this.#theme.colors.text.primary : this.#raw(color), ground);
    });
  }

  background(color: AnsiColor | undefined): string | undefined {
    return color === undefined ? undefined : this.#remember(`ground ${color}`, () => this.#raw(color));
  }

  #raw(color: AnsiColor): string {
    if (typeof color === 'string') return `rgb(${color})`;
    const name = ANSI_NAMES[color % 8] ?? 'text';
    if (name === 'text') return this.#theme.colors.text.maxContrast;
    const bright = color >= 8 && name !== 'light-blue' && name !== 'gray' ? `semi-dark-${name}` : name;
    return this.#theme.visualization.getColorByName(bright);
  }

  /** Lightens or darkens a colour until it can be read. */
  #readable(color: string, ground: string): string {
    const { getContrastRatio, lighten, darken, getLuminance } = colorManipulator;
    let readable = color;
    const move = getLuminance(ground) < 0.2 ? lighten : darken;
    for (let i = 0; i < 12 && getContrastRatio(readable, ground) < TEXT_CONTRAST; i++) readable = move(readable, 0.15);
    return getContrastRatio(readable, ground) < TEXT_CONTRAST ? this.#theme.colors.getContrastText(ground) : readable;
  }

  #remember(name: string, make: () => string): string {
    let color = this.#known.get(name);
    if (color === undefined) {
      // A hostile text can ask for millions of colours.
      if (this.#known.size > 2_000) this.#known.clear();
      color = make();
      this.#known.set(name, color);
    }
    return color;
  }
}
