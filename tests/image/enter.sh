#!/bin/bash
# What a container runtime does, in its usual order, for a command in a root:
#
#   enter.sh ROOT LENT UID:GID FOLDER NAME=VALUE... COMMAND...
#
# LENT is a file of the machine, to be seen in /mnt. Only /dev/shm can be written.
set -eu
root=$1 lent=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/mnt"
touch "$root/mnt/${lent##*/}"
mount --bind "$lent" "$root/mnt/${lent##*/}"
mount -o remount,bind,ro "$root/mnt"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec,size=64m tmpfs "$root/dev/shm"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid="${1%:*}" --regid="${1#*:}" --clear-groups --no-new-privs --bounding-set=-all \
    --inh-caps=-all env -i -C "$2" "${@:3}"
