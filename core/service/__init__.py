"""The engine over HTTP: `quaid serve`. Start reading in application.py, which is the path of a request.

    quaid serve -> server.py -> application.py: gate.py, access.py -> operations.py -> uploads.py, fields.py
                -> slots.py -> handlers.py -> Engine -> disclosure.py

operations.py is the list of all there is to ask; the document (openapi.py) and its page (doc_page.py) are
made from it. The extra `service` installs what this needs. No URL that a request names is ever fetched.
"""
