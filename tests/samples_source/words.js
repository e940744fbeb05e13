// Seeded words and numbers, so that a page looks full, means nothing, and is drawn the same each time.
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const NOUNS = "harbour tide pilot lantern quay anchor ferry channel keeper chart breakwater mooring gull signal engine cargo winch hull storm compass buoy crew manifest lighthouse sandbank rope ledger customs crane barge".split(" ");
const VERBS = "follows crosses marks carries answers leaves raises turns keeps reports reaches lowers checks measures steadies passes".split(" ");
const WORDS = "northern quiet early heavy narrow second yearly wooden bright public distant careful green former broken steady".split(" ");
const LINKS = "before, after, because, although, while, until, unless, wherever".split(", ");
const pick = (roll, list) => list[Math.floor(roll() * list.length)];
function phrase(roll) {
  return `the ${roll() < 0.6 ? pick(roll, WORDS) + " " : ""}${pick(roll, NOUNS)} ${pick(roll, VERBS)} the ${pick(roll, NOUNS)}`;
}
function sentence(roll) {
  let text = phrase(roll);
  if (roll() < 0.6) text += ` ${pick(roll, LINKS)} ${phrase(roll)}`;
  if (roll() < 0.3) text += ` and ${phrase(roll)}`;
  return text[0].toUpperCase() + text.slice(1) + ".";
}
const paragraph = (roll, n) => Array.from({ length: n }, () => sentence(roll)).join(" ");
function title(roll) {
  const text = `${pick(roll, WORDS)} ${pick(roll, NOUNS)} and ${pick(roll, WORDS)} ${pick(roll, NOUNS)}`;
  return text[0].toUpperCase() + text.slice(1);
}
// A landscape of hills, sun and masts as SVG.
function scene(roll, width, height, hue) {
  let svg = `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><rect width="100%" height="100%" fill="hsl(${hue},55%,82%)"/>`;
  svg += `<circle cx="${width * (0.15 + 0.7 * roll())}" cy="${height * (0.15 + 0.25 * roll())}" r="${height * (0.07 + 0.08 * roll())}" fill="hsl(${(hue + 40) % 360},90%,70%)"/>`;
  for (let layer = 0; layer < 4; layer++) {
    const base = height * (0.42 + 0.14 * layer);
    let path = `M0 ${height} L0 ${base}`;
    for (let x = 0; x <= width; x += width / 9) path += ` L${x.toFixed(0)} ${(base - height * 0.16 * roll()).toFixed(0)}`;
    svg += `<path d="${path} L${width} ${height} Z" fill="hsl(${(hue + 12 * layer) % 360},${42 + 6 * layer}%,${66 - 13 * layer}%)"/>`;
  }
  for (let mast = 0; mast < 5; mast++) {
    const x = width * (0.08 + 0.84 * roll()), y = height * (0.66 + 0.2 * roll()), h = height * (0.12 + 0.14 * roll());
    svg += `<path d="M${x} ${y} v${-h} l${h * 0.55} ${h * 0.7} Z" fill="hsl(${(hue + 180) % 360},30%,94%)"/><path d="M${x - h * 0.3} ${y + 3} h${h * 0.95} l${-h * 0.15} ${h * 0.16} h${-h * 0.62} Z" fill="hsl(${hue},45%,22%)"/>`;
  }
  return svg + "</svg>";
}
