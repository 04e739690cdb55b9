#!/bin/sh
# Options alone mean options of cassandra, as in the published image.
if [ $# -eq 0 ] || [ "${1#-}" != "$1" ]; then
  set -- cassandra -f "$@"
fi
exec "$@"
