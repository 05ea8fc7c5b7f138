# Runs on a machine that gets a copy: `sh -s <hash>`, with this on its standard input and then, once it has told what is
# there, what `remote_peer.ts` answers. Plain POSIX: it meets every kind of machine. Before this come two lines, which set
# minibit_to (where the copy goes) and minibit_cache (where the program is kept; empty: in the home).

# One and the same place has one name, by whichever of its names the machine was called: this start of this kernel, its
# view of the disks, and the path without symbolic links, of which the end may not be there yet.
minibit_place() {
  boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid 2>/dev/null) || return 0
  to=$minibit_to
  case $to in
    "~" | "~/"*) to=$HOME${to#?} ;;
    /*) ;;
    *) to=$PWD/$to ;;
  esac
  folder=$(dirname "$to")
  rest=/$(basename "$to")
  until test -d "$folder"; do
    rest=/$(basename "$folder")$rest
    folder=$(dirname "$folder")
  done
  printf '%s\n' "$mark|place|$boot $(readlink /proc/self/ns/mnt) $(ls -di /) $(cd -P "$folder" && pwd -P)$rest"
}

# Of other versions' programs the two used last stay, unless that was two weeks ago. What a broken transfer left goes
# when its process has ended, or after a day: other machines may share this home.
minibit_tidy() {
  ls -t "$cache" | grep -E '^[0-9a-f]{32}\.(js|(linux|darwin)-[a-z0-9-]+)$' | {
    count=0
    while IFS= read -r file; do
      test "$file" = "$name" && continue
      count=$((count + 1))
      if test "$count" -gt 2 || test -n "$(find "$cache/$file" -mtime +13)"; then
        rm -f "$cache/$file"
      fi
    done
  }
  ls "$cache" | grep -E '^[0-9a-f]{32}\.[a-z0-9-]+\..*\.tmp$' | while IFS= read -r file; do
    writer=${file%.tmp}
    writer=${writer##*.}
    case $file in
      *".$(uname -n).$writer.tmp") kill -0 "$writer" || rm -f "$cache/$file" ;;
    esac
    if test -n "$(find "$cache/$file" -mtime +0)"; then
      rm -f "$cache/$file"
    fi
  done
}

minibit_start() {
  hash=$1
  mark=minibit-host # so that this text, echoed, is none
  cache=${minibit_cache:-${XDG_CACHE_HOME:-$HOME/.cache}/minibit}
  case $cache in
    "~" | "~/"*) cache=$HOME${cache#?} ;;
  esac
  bun=$(command -v bun || { test -x "$HOME/.bun/bin/bun" && echo "$HOME/.bun/bin/bun"; })
  version=$(test -n "$bun" && "$bun" --version 2>/dev/null)
  musl=$(ls /lib/ld-musl-* 2>/dev/null)
  kept=
  for file in "$cache/$hash".*; do
    # somebody else's is not run, should others be able to write there
    if test -s "$file" && test -n "$(find "$file" -prune -type f -user "$(id -u)" 2>/dev/null)"; then
      kept="$kept ${file##*/}"
      touch "$file" 2>/dev/null
    fi
  done
  minibit_place 2>/dev/null
  echo "$mark|$(uname -s)|$(uname -m)|$musl|$version|$kept|$SSH_CONNECTION"

  # the program: its name and its packed size, then itself; a size of 0: it is here
  read -r name size || exit 1
  minibit_tidy 2>/dev/null
  if test "$size" -gt 0; then
    temporary="$cache/$name.$(uname -n).$$.tmp"
    if (
      umask 077
      mkdir -p "$cache" && rm -f "$temporary" && set -C &&
        head -c "$size" | gzip -dc >"$temporary" && chmod 700 "$temporary"
    ) && mv -f "$temporary" "$cache/$name"; then
      :
    else
      rm -f "$temporary"
      exit 1
    fi
  fi
  echo "$mark|stored"

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
