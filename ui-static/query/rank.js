/* rank.js - which suggestions fit what is written, the closest first. */

/** 0: begins so; 1: a word in it begins so; 2: holds it; -1: none of these. */
export function closeness(name, prefix) {
  const at = name.toLowerCase().indexOf(prefix.toLowerCase());
  if (at <= 0) return at;
  return /[_:./-]/.test(name[at - 1]) ? 1 : 2;
}

/** Those that fit, the closest first. */
export function ranked(items, prefix) {
  return items
    .map((item) => ({ item, rank: closeness(item.text, prefix) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank || (a.item.text < b.item.text ? -1 : 1))
    .map(({ item }) => item);
}
