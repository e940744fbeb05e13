"""The other end of the service: `Client` has the words of `Engine`, and loads neither OpenCV nor numpy.

Start reading in client.py; transport.py is HTTP, reading.py makes answers of lines.
"""

from .client import Client, RemoteDescription

__all__ = ["Client", "RemoteDescription"]
