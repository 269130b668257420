// How numbers are written: rates, counts, scales, bytes and shares, as in the rest of the page.

export const formatRate = (rate) => (rate === 0 ? "0" : rate.toExponential(1));

/** So many of something: "1 epoch", "2 epochs". */
export const counted = (count, one) => `${count} ${count === 1 ? one : `${one}s`}`;

export const formatCount = (count) => count.toLocaleString("en-US");

export function formatScale(scale) {
  const tiny = scale !== 0 && scale < 1e-4;
  return `×${tiny ? Number(scale.toPrecision(3)).toExponential() : Number(scale.toPrecision(4))}`;
}

export function formatBytes(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function formatShare(share) {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return `${percent < 9.95 && percent > 0 ? Number(percent.toFixed(1)) : Math.round(percent)}%`;
}
