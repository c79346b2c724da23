// Arithmetic on the pixels of masks: what has a colour like that of a place, and growing by a distance.

/** The pixels whose colour differs from that at (x, y) by at most `tolerance` in each channel, 255 for them, else 0.
    `joined`: only those that hang together with it. */
export function similar({ data, width, height }, x, y, tolerance, joined) {
  const marked = new Uint8Array(width * height);
  const at = (y * width + x) * 4;
  const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
  const isLike = (index) => {
    const k = index * 4;
    return (
      Math.abs(data[k] - r) <= tolerance && Math.abs(data[k + 1] - g) <= tolerance &&
      Math.abs(data[k + 2] - b) <= tolerance);
  };
  if (!joined) {
    for (let index = 0; index < marked.length; index++) if (isLike(index)) marked[index] = 255;
    return marked;
  }
  const open = [y * width + x];
  while (open.length) {
    const seed = open.pop();
    if (marked[seed] || !isLike(seed)) continue;
    const row = seed - (seed % width);
    let left = seed;
    while (left > row && !marked[left - 1] && isLike(left - 1)) left--;
    let right = seed;
    while (right < row + width - 1 && !marked[right + 1] && isLike(right + 1)) right++;
    for (let index = left; index <= right; index++) {
      marked[index] = 255;
      if (row > 0 && !marked[index - width]) open.push(index - width);
      if (row + width < marked.length && !marked[index + width]) open.push(index + width);
    }
  }
  return marked;
}

/** Squared distances to the nearest zero of one line, by the lower envelope of parabolas (Felzenszwalb and
    Huttenlocher, 2012). */
function envelope(line, count, out, places, borders) {
  let last = 0;
  places[0] = 0;
  borders[0] = -Infinity;
  borders[1] = Infinity;
  for (let q = 1; q < count; q++) {
    let border;
    do {
      const p = places[last];
      border = (line[q] + q * q - (line[p] + p * p)) / (2 * q - 2 * p);
    } while (border <= borders[last] && --last >= 0);
    last++;
    places[last] = q;
    borders[last] = border;
    borders[last + 1] = Infinity;
  }
  for (let q = 0, k = 0; q < count; q++) {
    while (borders[k + 1] < q) k++;
    out[q] = (q - places[k]) ** 2 + line[places[k]];
  }
}

/** The squared distance of each pixel to the nearest with `isInside(alpha)`. */
function squaredDistances(alpha, width, height, isInside) {
  const FAR = 1e12;
  const field = new Float64Array(width * height);
  for (let index = 0; index < field.length; index++) field[index] = isInside(alpha[index]) ? 0 : FAR;
  const longest = Math.max(width, height);
  const [line, out] = [new Float64Array(longest), new Float64Array(longest)];
  const [places, borders] = [new Int32Array(longest + 1), new Float64Array(longest + 2)];
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) line[y] = field[y * width + x];
    envelope(line, height, out, places, borders);
    for (let y = 0; y < height; y++) field[y * width + x] = out[y];
  }
  for (let y = 0; y < height; y++) {
    const row = field.subarray(y * width, (y + 1) * width);
    line.set(row);
    envelope(line, width, out, places, borders);
    row.set(out.subarray(0, width));
  }
  return field;
}

/** A mask grown by `distance` pixels; negative: shrunk. The border is smooth over one pixel. */
export function grown(alpha, width, height, distance) {
  const isInside = distance > 0 ? (value) => value >= 128 : (value) => value < 128;
  const field = squaredDistances(alpha, width, height, isInside);
  const reach = Math.abs(distance);
  const result = new Uint8ClampedArray(alpha.length);
  for (let index = 0; index < result.length; index++) {
    const covered = Math.min(Math.max(reach + 0.5 - Math.sqrt(field[index]), 0), 1) * 255;
    result[index] = distance > 0 ? Math.max(alpha[index], covered) : Math.min(alpha[index], 255 - covered);
  }
  return result;
}
