// Pictures of papers: judged and made smaller on the phone before they are sent.

// Mean luminance, and the variance of the Laplacian as a measure of sharpness, of RGBA bytes.
export function judge(data, width, height) {
  const grey = new Float32Array(width * height);
  let sum = 0;
  for (let i = 0; i < grey.length; i++) {
    grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
    sum += grey[i];
  }
  let total = 0, squares = 0, count = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const edge = 4 * grey[i] - grey[i - 1] - grey[i + 1] - grey[i - width] - grey[i + width];
      total += edge; squares += edge * edge; count++;
    }
  }
  const mean = count ? total / count : 0;
  return { light: sum / grey.length, sharpness: count ? squares / count - mean * mean : 0 };
}

export function problem({ light, sharpness }) {
  if (light < 60) return "dark";
  if (sharpness < 25) return "blurred";
  return "";
}
