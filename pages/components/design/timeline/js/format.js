// How numbers are written: rates, counts, scales, bytes and shares, as in the rest of the page.

export const formatRate = (rate) => (rate === 0 ? "0" : rate.toExponential(1));

/** So many of something: "1 epoch", "2 epochs". */
export const counted = (count, one) => `${count} ${count === 1 ? one : `${one}s`}`;

const COUNT = new Intl.NumberFormat("en-US"); // made once, which takes long

export const formatCount = (count) => COUNT.format(count);

export function formatScale(scale) {
  const tiny = scale !== 0 && scale < 1e-4;
  return `×${tiny ? Number(scale.toPrecision(3)).toExponential() : Number(scale.toPrecision(4))}`;
}

/** Bytes: "5.1 kB", "6.2 MB", "132 MB", "1.2 GB". */
export function formatBytes(bytes) {
  if (bytes >= 1e9) return `${fixed(bytes / 1e9, 1)} GB`;
  if (bytes > 0 && bytes < 1e5) return `${fixed(bytes / 1e3, 1)} kB`;
  return `${fixed(bytes / 1e6, bytes > 0 && bytes < 1e7 ? 1 : 0)} MB`;
}

/** FLOPs in three digits: "1.82 G", "49.3 M", "0". */
export function formatFlops(count) {
  const power = [4, 3, 2, 1].find((power) => count >= 1000 ** power) ?? 0;
  const value = count / 1000 ** power;
  const digits = power === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${fixed(value, digits)} ${["", "k", "M", "G", "T"][power]}`.trim();
}

/** A share in percent, or "…" for one that is not known yet. */
export function formatShare(share) {
  if (share === null) return "…";
  const percent = Number((share * 100).toPrecision(10)); // sums of the same rates differ in their last bits
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return `${percent < 9.95 && percent > 0 ? Number(percent.toFixed(1)) : Math.round(percent)}%`;
}

/** So many digits, as Python rounds: what lies in the middle goes to the even one. */
function fixed(value, digits) {
  const scaled = value * 10 ** digits;
  const even = 2 * Math.round(scaled / 2);
  const inMiddle = Number.isInteger(8 * value) && Math.abs(scaled - even) === 0.5;
  return (inMiddle ? even / 10 ** digits : value).toFixed(digits);
}
