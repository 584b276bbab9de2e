#!/bin/sh
# Starts the store with the users of users.acl. Their passwords are files, and only sums of them get into the list.
set -eu
umask 077
here=$(dirname "$0")
secrets=${SECRETS:-/run/secrets}
users=${TMPDIR:-/tmp}/users.acl

cp "$here/users.acl" "$users"
for user in gateway worker admin; do
  sum=$(tr -d '\n' < "$secrets/$user" | sha256sum | cut -d ' ' -f 1)
  sed -i "s/{$user}/$sum/" "$users"
done
exec valkey-server "$here/redis.conf" --dir "${DATA:-/data}" --aclfile "$users" "$@"
