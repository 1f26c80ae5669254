import type { PluginPageProps } from '@grafana/runtime';

export function PageFrame({ pageNav, renderTitle, subTitle, actions, info, children }: PluginPageProps) {
  const title = pageNav?.text ?? '';
  return (
    <main>
      <header>
        {renderTitle?.(title) ?? <h1>{title}</h1>}
        {subTitle}
        {actions}
        {info?.map(({ label, value }) => (
          <div key={label}>
            {label}: {value}
          </div>
        ))}
      </header>
      {children}
    </main>
  );
}
