"""Hash lists as files: what is shared of pictures without the pictures. Start reading in transfer.py; each
format has a file of its own.
"""
