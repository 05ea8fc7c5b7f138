# Runs on a machine that gets a copy: `sh -s <hash>`, with this on its standard input and then, once it has told what is
# there, what `remote_peer.ts` answers. Plain POSIX: it meets every kind of machine.

minibit_start() {
  hash=$1
  cache="${XDG_CACHE_HOME:-$HOME/.cache}/minibit"
  bun=$(command -v bun || { test -x "$HOME/.bun/bin/bun" && echo "$HOME/.bun/bin/bun"; })
  version=$(test -n "$bun" && "$bun" --version 2>/dev/null)
  musl=$(ls /lib/ld-musl-* 2>/dev/null)
  kept=
  for file in "$cache/$hash".*; do
    test -f "$file" && kept="$kept ${file##*/}"
  done
  echo "minibit-host|$(uname -s)|$(uname -m)|$musl|$version|$kept|$SSH_CONNECTION"

  # the program: its name and its packed size, then itself; a size of 0: it is here
  read -r name size || exit 1
  if test "$size" -gt 0; then
    temporary="$cache/$name.$$.tmp"
    if (
      umask 077
      mkdir -p "$cache" && head -c "$size" | gzip -dc >"$temporary" && chmod 700 "$temporary"
    ) && mv -f "$temporary" "$cache/$name"; then
      :
    else
      rm -f "$temporary"
      exit 1
    fi
  fi
  echo "minibit-host|stored"

  # the flags, as lines of environment up to an empty one
  while IFS= read -r line && test -n "$line"; do
    export "$line"
  done
  test -n "$PEER" || exit 1
  case $name in
    *.js) exec "$bun" "$cache/$name" "$PEER" --events ;;
    *) exec "$cache/$name" "$PEER" --events ;;
  esac
}

minibit_start "$@"
