/**
 * Makes `paint` run at most once a frame, however often the returned function is called. In a hidden tab there are
 * no frames, so nothing is painted until the page is seen again.
 */
export function perFrame(paint: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      paint();
    });
  };
}
