import { Input } from '@grafana/ui';
import { useState } from 'react';

interface Props {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly width: number;
  onCommit(value: string): void;
}

/** A text whose change counts when it is done: when the field is left, or with Enter. */
export function CommittedInput({ label, value, placeholder, width, onCommit }: Props) {
  const [text, setText] = useState<string>();
  const commit = () => {
    if (text !== undefined && text.trim() !== value) onCommit(text.trim());
    setText(undefined);
  };
  return (
    <Input
      aria-label={label}
      placeholder={placeholder}
      width={width}
      value={text ?? value}
      onChange={({ currentTarget }) => setText(currentTarget.value)}
      onBlur={commit}
      onKeyDown={({ key }) => key === 'Enter' && commit()}
    />
  );
}
