/** SQL, of a row `p` of fleetlens.budget_pause: new sessions of its scope are paused by it now. */
export const IS_PAUSED = 'p.acknowledged_at is null and (p.until is null or p.until > clock_timestamp())';
