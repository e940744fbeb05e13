"""The revision of the decoding rules: which pixels a file becomes.

Every record says by which revision its picture was read (features/FORMAT.md). A record of an older revision
is outdated only if its picture may be of a kind that a later one reads otherwise; all other pictures have the
same bits under both.

Revision 2 reads otherwise than revision 1:

- transparent pictures (PNG, WebP, GIF, TIFF, AVIF, BMP), which have another pixel digest, and other features
  where white hides the drawing
- files of several frames or pages (GIF, PNG, WebP, AVIF, TIFF), of which revision 1 knew the first only
- grey pictures of more than 8 bits (PNG, TIFF), some of which became almost black
- pictures whose grey shows nothing, so that they were stored as not informative
"""

#: Revision of this version. A record of format version 1 has revision 1.
DECODING_REVISION = 2
