#!/bin/sh
# misp-docker runs this script in misp-core at the end of every start. It enables the module for hover and enrichment.
set -eu

setting() { sudo -u www-data /var/www/MISP/app/Console/cake Admin setSetting -q "$1" "$2"; }

setting Plugin.Enrichment_services_enable true
setting Plugin.Enrichment_hover_enable true
setting Plugin.Enrichment_image_correlation_enabled true
# For the links to events that analysts can click in a hover.
[ -z "${BASE_URL:-}" ] || setting Plugin.Enrichment_image_correlation_misp_url "$BASE_URL"
