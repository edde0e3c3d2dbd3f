# Stamps, messages and step running; sourced by ../../dev.

# fail STATUS WHAT WHAT_TO_DO
fail() {
  echo "dev: $2: $3" >&2
  exit "$1"
}

say() { [ -n "${QUIET:-}" ] || echo "$@"; }

# hash_of PATH...: one hash over names and contents; a path that does not exist counts as absent.
# Caches and build leftovers of Python do not count.
hash_of() {
  (
    cd "$ROOT"
    find "$@" -type f -not -path '*/__pycache__/*' -not -path '*.egg-info/*' -print0 2>/dev/null |
      LC_ALL=C sort -z | xargs -0r sha256sum
    printf '%s\n' "$@"
  ) | sha256sum | cut -c1-16
}

stamp_of() { cat "$STATE/stamps/$1" 2>/dev/null || true; }

# step NAME HASH DESCRIPTION FUNCTION: run FUNCTION unless it has been done for this HASH.
# Its output goes to a log; when it fails, the reason and what to do about it are printed.
step() {
  local name="$1" hash="$2" description="$3" run="$4" log="$STATE/logs/$1.log" begin="$SECONDS"
  if [ "$(stamp_of "$name")" = "$hash" ]; then
    say "  $name: up to date"
    return
  fi
  # a step that does anything is always announced, also ahead of demo, test, lint and bench
  echo "  $name: $description" >&2
  mkdir -p "$STATE/stamps" "$STATE/logs"
  rm -f "$STATE/stamps/$name"
  # a child process, because `set -e` is off inside a function that is part of a condition
  local status=0
  set +e
  (set -e && "$run") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ "$status" -ne 0 ]; then
    tail -n 15 "$log" | sed 's/^/    | /' >&2
    fail 1 "the step '$name' failed" "$(remedy "$log"). The whole log is $log"
  fi
  echo "$hash" >"$STATE/stamps/$name"
  echo "    done in $((SECONDS - begin)) s" >&2
}

# remedy LOG: what to do, judged by what the log says.
remedy() {
  if grep -qiE 'no space left' "$1"; then
    echo "free some disk space (the environment takes about 4 GB) and run ./dev setup again"
  elif grep -qiE 'no matching distribution|could not find a version' "$1"; then
    echo "a package is not to be had for $(uname -m) with this Python, or your package index" \
      "lacks it; ROS 2 wheels exist for x86_64 and Python 3.10 to 3.13, elsewhere use a ROS 2 install"
  elif grep -qiE 'connection|timed? ?out|resolve host|temporary failure|network' "$1"; then
    echo "check the network and pip's settings (pip config list), then run ./dev setup again"
  elif grep -qiE 'Failed +<<<|CMake Error' "$1"; then
    echo "mend the package named above, then run ./dev setup again"
  else
    echo "see the lines above; after mending the cause run ./dev setup again"
  fi
}
