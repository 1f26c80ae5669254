#!/usr/bin/env bash
# Installs what the tests need beside npm packages: system packages (root on Debian or Ubuntu) and a Python environment
# in .venv. Safe to run again: when nothing is missing it changes nothing and asks no package server.
# Where it cannot install something it names the package and the command, and exits with 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly REQUIREMENTS=test/support/arq/requirements.txt
readonly OLDEST_POSTGRES=15

# command -> Debian package. Postgres and Python stand apart: their commands are not on the PATH, or depend on a version.
readonly COMMANDS=(
  "prometheus prometheus"
  "promtool prometheus"
  "prometheus-alertmanager prometheus-alertmanager"
  "amtool prometheus-alertmanager"
  "prometheus-pushgateway prometheus-pushgateway"
  "prometheus-sql-exporter prometheus-sql-exporter"
  "prometheus-postgres-exporter prometheus-postgres-exporter"
  "redis-server redis-server"
  "chromium chromium"
  "curl curl"
  "jq jq"
)

has_postgres() {
  local server version
  for server in /usr/lib/postgresql/*/bin/postgres; do
    [[ -x $server ]] || continue
    version=${server#/usr/lib/postgresql/}
    version=${version%%/*}
    if ((${version%%.*} >= OLDEST_POSTGRES)); then return 0; fi
  done
  return 1
}

# The newest Postgres is "postgresql"; 15 is the oldest that the ledger supports, so the tests prefer it.
postgres_package() {
  if apt-cache show "postgresql-$OLDEST_POSTGRES" >/dev/null 2>&1; then
    echo "postgresql-$OLDEST_POSTGRES"
  else
    echo postgresql
  fi
}

# Debian and Ubuntu split ensurepip from python3; without it `python3 -m venv` fails half-way.
can_make_venv() { python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }

has_python_packages() {
  [[ -x .venv/bin/python ]] && cmp -s "$REQUIREMENTS" .venv/installed-requirements.txt &&
    .venv/bin/python -c 'import arq, redis' >/dev/null 2>&1
}

# Fills `missing` with one "package<TAB>command" for each command that is not there.
find_missing() {
  missing=()
  local entry
  for entry in "${COMMANDS[@]}"; do
    command -v "${entry%% *}" >/dev/null 2>&1 || missing+=("${entry#* }"$'\t'"${entry%% *}")
  done
  has_postgres || missing+=("$(postgres_package)"$'\t'"postgres $OLDEST_POSTGRES or newer under /usr/lib/postgresql")
  has_python_packages || can_make_venv || missing+=("python3-venv"$'\t'"python3 -m venv")
}

missing_packages() { printf '%s\n' "${missing[@]}" | cut -f1 | grep . | sort -u; }

can_apt() { [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null 2>&1; }

# Debian starts a service as soon as its package is installed. A policy that answers 101 ("forbidden") keeps it stopped;
# an existing policy is put back afterwards.
readonly POLICY=/usr/sbin/policy-rc.d
forbid_services() {
  policy_backup=""
  if [[ -e $POLICY ]]; then
    policy_backup=$(mktemp "$POLICY.XXXXXX")
    mv -f "$POLICY" "$policy_backup"
  fi
  trap restore_services EXIT
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
}
restore_services() {
  rm -f "$POLICY"
  if [[ -n $policy_backup ]]; then mv -f "$policy_backup" "$POLICY"; fi
  trap - EXIT
}

# They would start at the next boot otherwise: the tests start their own servers, on free ports.
disable_services() {
  command -v systemctl >/dev/null 2>&1 || return 0
  local unit
  for unit in $(dpkg -L "$@" 2>/dev/null | grep -oE '/lib/systemd/system/[^@/]+\.(service|timer)$' | sort -u); do
    systemctl disable --quiet "$(basename "$unit")" 2>/dev/null || echo "  could not disable $(basename "$unit"); it may start at the next boot" >&2
  done
}

# apt says a great deal; it is shown where it fails.
apt_quietly() {
  local log
  log=$(mktemp)
  if ! apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    echo "apt-get $1 failed (its last lines are above)." >&2
  fi
  rm -f "$log"
}

install_system_packages() {
  # Two checkouts must not exchange each other's policy file.
  exec 9>/run/lock/fleetlens-install-test-tools.lock
  flock 9
  export DEBIAN_FRONTEND=noninteractive
  apt_quietly update
  find_missing
  local package available=()
  for package in $(missing_packages); do
    if apt-cache show "$package" >/dev/null 2>&1; then available+=("$package"); fi
  done
  if ((${#available[@]})); then
    echo "Installing ${available[*]}"
    forbid_services
    apt_quietly install -y --no-install-recommends "${available[@]}"
    restore_services
    disable_services "${available[@]}"
  fi
  exec 9>&-
}

install_python_packages() {
  echo "Installing $(grep -oE '^(arq|redis)==[0-9.]+' "$REQUIREMENTS" | paste -sd' ') into .venv"
  exec 8>.venv.lock
  flock 8
  if ! has_python_packages; then
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r "$REQUIREMENTS"
    # Written last: an interrupted installation is repeated.
    cp "$REQUIREMENTS" .venv/installed-requirements.txt
  fi
  exec 8>&-
  rm -f .venv.lock
}

find_missing
if ((${#missing[@]})) && can_apt; then
  install_system_packages
  find_missing
fi
if ((${#missing[@]})); then
  echo "The tests need commands that are missing here:" >&2
  printf '%s\n' "${missing[@]}" | while IFS=$'\t' read -r package command; do
    printf '  %-30s from the Debian/Ubuntu package %s\n' "$command" "$package" >&2
  done
  if can_apt; then
    echo "apt-get could not install them (no such package, or the reason above). Install them by hand, so that the commands are on the PATH." >&2
  else
    echo "This script installs them as root on Debian or Ubuntu: sudo scripts/install-test-tools.sh" >&2
    echo "or: sudo apt-get install --no-install-recommends $(missing_packages | paste -sd' ')" >&2
  fi
fi
if ! has_python_packages && can_make_venv; then install_python_packages; fi
((${#missing[@]} == 0))
