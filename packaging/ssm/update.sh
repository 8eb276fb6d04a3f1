#!/bin/sh
# Run by the SSM Agent's Distributor for an in-place update: installing does it.
set -eu
exec sh ./install.sh
