#!/usr/bin/env bash
# The bash side of GitTinkerer's metrics as its document tells of it: approximate_token_count, calculate_diff_loc, record_metric and
# flush_metrics, with METRICS_API_URL, METRICS_API_TOKEN and PAYLOAD_RUN_ID from the environment. The queue is the file METRICS_QUEUE, so
# that what could not be sent waits for the next flush.
set -euo pipefail

approximate_token_count() {
  local words chars
  words=$(wc -w <<<"$1")
  chars=$(printf '%s' "$1" | wc -m)
  local by_chars=$(((chars + 3) / 4))
  echo $((words > by_chars ? words : by_chars))
}

calculate_diff_loc() {
  local diff
  diff=$(cat)
  local added removed
  added=$(grep -cE '^(\+[^+]|\\ No newline at end of file)' <<<"$diff" || true)
  removed=$(grep -cE '^-[^-]' <<<"$diff" || true)
  echo $((added + removed))
}

record_metric() {
  local id
  id=$(cat /proc/sys/kernel/random/uuid)
  printf '{"id":"%s","run_id":"%s","metric_name":"%s","metric_value":%s,"recorded_at":"%s"}\n' \
    "$id" "$PAYLOAD_RUN_ID" "$1" "$2" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$METRICS_QUEUE"
}

flush_metrics() {
  local unsent="$METRICS_QUEUE.unsent" line
  [ -f "$METRICS_QUEUE" ] || return 0
  : >"$unsent"
  while IFS= read -r line; do
    curl --silent --show-error --fail --output /dev/null --max-time 20 \
      --retry "${METRICS_RETRIES:-0}" --retry-delay 1 --retry-connrefused \
      --header "Authorization: Bearer $METRICS_API_TOKEN" --header 'Content-Type: application/json' \
      --data "$line" "$METRICS_API_URL" || printf '%s\n' "$line" >>"$unsent"
  done <"$METRICS_QUEUE"
  mv "$unsent" "$METRICS_QUEUE"
  [ ! -s "$METRICS_QUEUE" ]
}

"$@"
