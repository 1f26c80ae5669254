/** The source of what the exporter itself records (its audit entries). No other may be called so. */
export const OWN_SOURCE = 'fleetlens';
