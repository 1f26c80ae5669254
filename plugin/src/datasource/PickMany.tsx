import { InlineField, InlineLabel, MultiCombobox } from '@grafana/ui';
import { type ComponentProps, useId } from 'react';

type Picker = ComponentProps<typeof MultiCombobox<string>>;
interface Props extends Pick<Picker, 'options' | 'value' | 'onChange' | 'placeholder' | 'createCustomValue'> {
  readonly label: string;
}

/** A field to choose several values in. Grafana's picker is named by an element alone, not by the label around it. */
export function PickMany({ label, ...picker }: Props) {
  const id = useId();
  return (
    <InlineField
      label={
        <InlineLabel id={`${id}label`} htmlFor={id} width={14}>
          {label}
        </InlineLabel>
      }
    >
      <MultiCombobox {...picker} id={id} aria-labelledby={`${id}label`} width={40} />
    </InlineField>
  );
}
