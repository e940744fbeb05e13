// Pictures that are decoded before they are shown, so that nothing flickers.

// Return an <img> of an address; null for one that cannot be shown.
export async function opened(source) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.src = source;
  try {
    await image.decode();
  } catch {
    return null;
  }
  return image;
}
