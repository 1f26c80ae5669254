/** Changes that no test can notice, or that make no difference to anybody, by `name | operator | change`. */
export const EXPLAINED: readonly { readonly mutants: RegExp; readonly because: string }[] = [
  {
    mutants:
      /^Fleet(SprintChainFailed|CacheEvictions|IngestRefused|NewErrorGroup|SeriesFolded|DeadLetters|LedgerMismatch|StoreDown|RepoRateLimitedRepeatedly|QueueBacklogNotConsumed|IntegrationAuthFailing) \| replicas \| max → sum/,
    because: 'it asks whether there is any, or none: twice as many are any, too',
  },
  {
    mutants:
      /^(FleetRepoRateLimitedRepeatedly|FleetQueueBacklogNotConsumed|FleetStoreErrors|FleetCriticalPathFailing|source_adapter:fleet_adapter_\w+:ratio_increase\w+|\w+:fleet_(runs?|quality)_\w+:(history5m|increase\w+|ratio_increase\w+)) \| matcher \| \{[^}]*\} → (nothing|\{.*\}) \(\d\)/,
    because: 'what it was before is taken from what it is now label by label: it is enough that one of them names them',
  },
  {
    mutants: /^FleetQueueBacklogNotConsumed \| window \| (5m → (600|150)s|10m → (1200|300)s \([46]\))/,
    because: 'it differs only where scrapes were missed for minutes, or where a series began',
  },
  {
    mutants: /:fleet_(runs?|quality)_\w+:(history5m|increase\w+|ratio_increase\w+) \| window \| 5m → (600|150)s/,
    because: 'it differs only where scrapes were missed for minutes, or where a series began',
  },
  {
    mutants:
      /^(Fleet(StoreErrors|RateLimitSustained|ErrorVolumeHigh) \| window \| 5m → 600s \(4\)|(FleetCriticalPathFailing|\w+:\w+:(increase|ratio_increase|p95_increase)\w+) \| window \| ((10m → 1200|15m → 1800|30m → 3600|1h → 7200|6h → 43200)s \(2\)|1d → 172800s \([12]\)))/,
    because: 'it is asked where the series began within the window: what is further back is nothing',
  },
  {
    mutants:
      /^(source_adapter:fleet_adapter_errors_per_request:ratio_increase15m|source_queue:fleet_queue_wait_seconds:p95_increase15m) \| window \| 15m → 450s \(2\)/,
    because:
      'in the first quarter of an hour of a series the newest half of it is judged: the alert needs it for 10 minutes and more',
  },
  {
    mutants: /^FleetRepoRateLimitedRepeatedly \| window \| 5m → (600|150)s \([1278]\)/,
    because: 'how long a series says what it said last: it differs only where scrapes were missed for minutes',
  },
  {
    mutants:
      /^(source:fleet_(errors|cache_hits|cache_misses):increase15m|source_adapter:fleet_adapter_(requests:increase15m|errors_per_request:ratio_increase\w+)|source_queue:fleet_queue_(jobs_enqueued:|wait_seconds:p95_)increase15m|Fleet(StoreErrors|ErrorVolumeHigh|CriticalPathFailing|RateLimitSustained)) \| window \| 5m → (600|150)s \([12]\)|^source_adapter:fleet_adapter_errors_per_request:ratio_increase1d_offset6h \| window \| 5m → (600|150)s \([34]\)/,
    because: 'how long a series says what it said last: it differs only where scrapes were missed for minutes',
  },
  {
    mutants:
      /^source:fleet_cache_hits:increase15m \| (set operator \| or → and|operand \| without: or min_over_time|window \| 15m → 450s \(2\))/,
    because: 'hits that are not seen make the ratio low for the first 15 minutes of a cache, and it fires after 30',
  },
  {
    mutants: /^FleetRepoRateLimitedRepeatedly \| window \| 5m → 600s \([49]\)/,
    because: 'where a series began, and where the window that is open did: neither is further back',
  },
  {
    mutants: /^FleetRepoRateLimitedRepeatedly \| replicas \| max → min \(2\)/,
    because: 'replicas rise alike; one that starts later is behind for one window',
  },
  {
    mutants: /^FleetRunErrorBudgetBurn \| comparison \| > → >= /,
    because:
      'the limits are 14.4 and 6 times (1 - 0.95), some bits above 0.72 and 0.3: no ratio of runs that can be counted equals them',
  },
  {
    mutants:
      /^source:fleet_cache_lookups:increase15m \| operand \| without: or 0 \* source:fleet_cache_hits:increase15m/,
    because:
      'where nothing ever missed the ratio of hits is 1, which is not low, and without it there is none: no alert either way; it is there for dashboards',
  },
  {
    mutants: /^FleetAdapterErrorRateHigh \| arithmetic \| \* → \/ \(2\)/,
    because: '0 divided by a ratio of errors is 0 too; divided by 0 it is no number, and then nothing failed',
  },
  {
    mutants: /^source:fleet_errors:increase15m \| (replicas|function) \| .* \(2\)/,
    because: 'it is multiplied by 0: only its labels count, and they stay',
  },
  {
    mutants: /:(ratio|mean)_increase\w+ \| (number \| 0 → 1|comparison \| > → >=)/,
    because: 'the alerts ask for more than one anyway; it keeps 0/0 out of dashboards',
  },
  {
    mutants:
      /^source_project_workflow:fleet_quality_\w+:increase6h \| (replicas \| max → sum \(2\)|function \| sum → count \([36]\))/,
    because: 'it is multiplied by 0: only its labels count, and they stay',
  },
  {
    mutants:
      /^source_project_workflow:fleet_quality_(evaluations|threshold_results|thresholds_missed):increase6h \| arithmetic \| \* → \//,
    because:
      '0 divided by a count is 0 too; divided by 0 it is no number, and then nothing was evaluated, or nothing missed',
  },
  {
    mutants:
      /^source_queue:fleet_queue_jobs_enqueued:increase15m \| (set operator \| or → and|operand \| without: or min_over_time|window \| 15m → 450s \(2\))/,
    because:
      'nothing is usual yet of jobs whose series began in the window; later the mean is of a quarter of an hour fewer',
  },
  {
    mutants: /^FleetReplicaDown \| (matcher \| \{job="fleetlens"\} → nothing|grouping \| on \(job\))/,
    because: 'both sides name the job, and either is enough',
  },
  {
    mutants:
      /^Fleet(AdapterErrorRateHigh|ErrorRateAboveBaseline|QueueWaitHigh|CacheHitRateLow|ApprovalSlaBreached) \| comparison \| . → .= ?/,
    because: 'it differs only where the value equals the limit to the last bit, or for one second',
  },
  { mutants: /threshold_results:increase\w+ \| matcher/, because: 'the family has no other results' },
  { mutants: /fleet_cache_\w+:\w+ \| arithmetic \| \* → \//, because: '0 is 0 too when it is divided' },
  {
    mutants: /^source:fleet_errors:increase\w+ \| number \| 0 → 1/,
    because: 'the figure is 0, unless the source catches up, and then it is excluded',
  },
  { mutants: /^FleetWatchdog \| number/, because: 'it fires whatever its value is' },
  {
    mutants: /p95_increase\w+ \| replicas \| max → sum/,
    because: 'a quantile does not depend on how often each bucket is counted',
  },
  {
    mutants: /^source_queue:fleet_queue_jobs_enqueued:increase\w+ \| replicas/,
    because: 'it is compared with its own mean alone: a factor goes out, and replicas rise alike',
  },
  {
    mutants: /:\w+:(increase|ratio_increase|mean_increase|p95_increase)\w* \| replicas \| max → min/,
    because: 'replicas rise alike; one that starts later is behind for one window',
  },
];
