/** Parts of @grafana/runtime that Grafana's shell reaches from inside. */
declare module 'runtime-components/PluginPage' {
  export function setPluginPage(page: unknown): void;
}
declare module 'runtime-components/PanelDataErrorView' {
  export function setPanelDataErrorView(view: unknown): void;
}
