"""The AIL adapter: queue modules that correlate AIL's images and screenshots as they arrive, and `quaid ail`.

The adapter only translates: it hands objects of AIL to `Engine`, and writes the answers as AIL's tags,
correlations and duplicates. It judges no pictures. The folders, in the order in which a picture passes them:

    VisualCorrelation.py  the two modules that run inside AIL
    runtime/              one process of a module: messages, failures, recovery after a crash
    publishing/           which tags, correlations and duplicates AIL gets, and how they are written
    backfill/             pictures that AIL stored before the module was installed
    checkout/             the module's files in an AIL checkout, and patches of AIL's own code
    cli/                  the commands `quaid ail ...`

`config`, `objects`, `tags` and `servers` serve all of them. AIL's own code is imported by
`VisualCorrelation.py` and `runtime/ail_api.py` only.
"""
