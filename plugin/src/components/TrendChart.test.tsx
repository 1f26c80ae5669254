import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { formatUsd } from '../format/formatValues';
import { TrendChart } from './TrendChart';
import { durationStep, knownStretches, nearestIndex, trendGrid, valueTicks } from './trendScale';

const SERIES = [
  {
    label: 'Spent',
    points: [
      { at: '2026-11-21T10:00:00Z', value: 1.5 },
      { at: '2026-11-21T11:00:00Z', value: undefined },
      { at: '2026-11-21T12:00:00Z', value: 4 },
    ],
  },
  { label: 'Failures', points: [{ at: '2026-11-21T12:00:00Z', value: 0.5 }] },
];

it('is a table for screen readers, in which what is unknown is not 0', () => {
  render(<TrendChart title="Cost by hour" series={SERIES} format={formatUsd} />);
  const table = screen.getByRole('table', { name: 'Cost by hour' });
  const rows = within(table)
    .getAllByRole('row')
    .map((row) => [...row.children].map(({ textContent }) => textContent));
  expect(rows).toEqual([
    ['Time', 'Spent', 'Failures'],
    ['2026-11-21 10:00:00', '$1.50', '–'],
    ['2026-11-21 11:00:00', '–', '–'],
    ['2026-11-21 12:00:00', '$4.00', '$0.50'],
  ]);
});

it('tells the values of a time by arrow keys', async () => {
  const user = userEvent.setup();
  render(<TrendChart title="Cost by hour" series={SERIES} format={formatUsd} />);
  await user.tab();
  await user.keyboard('{Home}');
  const chart = screen.getByRole('slider', { name: 'Cost by hour' });
  expect(chart).toHaveAttribute('aria-valuetext', '2026-11-21 10:00:00: Spent $1.50, Failures –');
  await user.keyboard('{ArrowRight}{ArrowRight}{ArrowRight}');
  expect(chart).toHaveAttribute('aria-valuetext', '2026-11-21 12:00:00: Spent $4.00, Failures $0.50');
});

it('says that there is nothing to draw', () => {
  render(<TrendChart title="Cost" isTitled series={[{ label: 'Spent', points: [] }]} format={formatUsd} />);
  expect(screen.getByRole('heading', { name: 'Cost' })).toBeVisible();
  expect(screen.getByText('No figures in this time')).toBeVisible();
});

it('draws bars only where a value is known', () => {
  const { container } = render(<TrendChart title="Cost" series={SERIES} format={formatUsd} kind="bar" />);
  expect(container.querySelectorAll('rect')).toHaveLength(3);
});

it('stacks series on common times', () => {
  const { times, marks } = trendGrid(SERIES, true);
  expect(times).toHaveLength(3);
  expect(marks[1]).toEqual([undefined, undefined, { base: 4, top: 4.5, value: 0.5 }]);
});

it.each([
  [0, 0, [0, 0.5, 1]],
  [0, 7, [0, 2.5, 5, 7.5]],
  [0, 100, [0, 50, 100]],
  [-3, 3, [-4, -2, 0, 2, 4]],
])('has round ticks from %d to %d', (least, greatest, ticks) => {
  expect(valueTicks(least, greatest)).toEqual(ticks);
});

it.each([
  [2_680, [0, 900, 1_800, 2_700]],
  [7 * 3_600, [0, 3 * 3_600, 6 * 3_600, 9 * 3_600]],
  [0.3, [0, 0.1, 0.2, 0.3]],
  [40 * 86_400, [0, 20 * 86_400, 40 * 86_400]],
])('has ticks at durations that people count in, to %d s', (greatest, ticks) => {
  expect(valueTicks(0, greatest, 3, durationStep)).toEqual(ticks);
});

it('breaks a line where nothing is known', () => {
  const mark = { base: 0, top: 1, value: 1 };
  expect(knownStretches([mark, mark, undefined, mark])).toEqual([[0, 1], [3]]);
  expect(nearestIndex([0, 10, 20], 16)).toBe(2);
});
