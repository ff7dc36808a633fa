#!/bin/sh
# The firmware profile needs no threads and throws nothing: firmware_symbols.sh PROGRAM LIBRARY
# The program may call nothing of pthread; of our own objects (the library) none may throw, nor carry type information.
status=0
complain() { echo "$1:"; echo "$2"; status=1; }
# Somebody must have looked at something.
nm -u "$1" | grep -q ' malloc' || { echo "nm lists nothing of $1"; exit 1; }
found=$(nm -u "$1" | grep -E 'pthread_(create|mutex|cond|rwlock|once|join)' || true)
[ -z "$found" ] || complain "$1 uses threads" "$found"
found=$(nm -A -u "$2" 2>/dev/null | grep -E 'pthread_|__cxa_throw|__cxa_begin_catch|_ZTIN3spg' || true)
[ -z "$found" ] || complain "$2 has objects that throw, catch, or use threads" "$found"
exit $status
