import type { GrafanaTheme2 } from '@grafana/data';

/** What a line has before and after its track: the axis above stands over the tracks. */
const LABEL_WIDTH = '42%';
const DURATION_WIDTH = '96px';

/** Columns of a line; on narrow screens the track stands below what the line is called. */
export const LINE_COLUMNS = (theme: GrafanaTheme2) =>
  ({
    display: 'grid',
    gridTemplateColumns: `minmax(0, ${LABEL_WIDTH}) minmax(0, 1fr) ${DURATION_WIDTH}`,
    gridTemplateAreas: '"label track duration"',
    columnGap: theme.spacing(1),
    alignItems: 'center',
    [theme.breakpoints.down('md')]: {
      gridTemplateColumns: `minmax(0, 1fr) auto`,
      gridTemplateAreas: '"label duration" "track track"',
    },
  }) as const;

/** The axis over the tracks: as far in as they are. */
export const TRACK_INSET = (theme: GrafanaTheme2) =>
  ({
    paddingLeft: `calc(${LABEL_WIDTH} + ${theme.spacing(1)})`,
    paddingRight: `calc(${DURATION_WIDTH} + ${theme.spacing(2)})`,
    [theme.breakpoints.down('md')]: { paddingLeft: theme.spacing(1), paddingRight: theme.spacing(1) },
  }) as const;
