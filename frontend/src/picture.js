// Pictures of papers: judged and made smaller on the phone before they are sent.
export const LONGEST = 2000;

// Grey values of RGBA bytes (ITU-R BT.601).
export function luminance(data, pixels) {
  const grey = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
  return grey;
}

export const mean = (values) => values.reduce((sum, v) => sum + v, 0) / (values.length || 1);

// Variance of the Laplacian: edges of print are sharp, a blurred picture has none.
export function laplacianVariance(grey, width, height) {
  let total = 0,
    squares = 0,
    count = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const edge = 4 * grey[i] - grey[i - 1] - grey[i + 1] - grey[i - width] - grey[i + width];
      total += edge;
      squares += edge * edge;
      count++;
    }
  }
  return count ? squares / count - (total / count) ** 2 : 0;
}

export function judge(data, width, height) {
  const grey = luminance(data, width * height);
  return { light: mean(grey), sharpness: laplacianVariance(grey, width, height) };
}

// Thresholds for pictures 400 pixels wide; they warn, they never refuse.
export function problem({ light, sharpness }) {
  if (light < 60) return "dark";
  if (sharpness < 25) return "blurred";
  return "";
}

export function fit(width, height, longest = LONGEST) {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}
