#!/bin/sh
# misp-docker runs this in misp-core at the end of every start: it tells MISP to offer the module on hover and enrichment.
set -eu

setting() { sudo -u www-data /var/www/MISP/app/Console/cake Admin setSetting -q "$1" "$2"; }

setting Plugin.Enrichment_services_enable true
setting Plugin.Enrichment_hover_enable true
setting Plugin.Enrichment_image_correlation_enabled true
# What analysts click on in a hover: the event's page here.
[ -z "${BASE_URL:-}" ] || setting Plugin.Enrichment_image_correlation_misp_url "$BASE_URL"
