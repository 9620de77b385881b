// Numbers and times as people read them.
export const usd = (text) => {
  const value = Number(text ?? 0);
  const places = value === 0 || value >= 100 ? 0 : value >= 1 ? 2 : value >= 0.01 ? 3 : 6;
  return `$${value.toFixed(places)}`;
};
export const count = (value) => Number(value ?? 0).toLocaleString("en");
export const ms = (us) => {
  if (us === undefined || us === null) return "";
  return us >= 10e6 ? `${(us / 1e6).toFixed(0)} s` : us >= 1e6 ? `${(us / 1e6).toFixed(1)} s` : us >= 10e3 ? `${(us / 1e3).toFixed(0)} ms` : `${(us / 1e3).toFixed(1)} ms`;
};
export const percent = (share) => `${(100 * (share || 0)).toFixed(share && share < 0.1 ? 1 : 0)}%`;
// Every moment of the page is of the reader's own zone, which stands beside who is signed in.
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "this device";
export const clock = (time) => {
  if (time === undefined || time === null || time === "") return "";
  const date = new Date(time);
  const two = (n) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const hour = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return date.toDateString() === new Date().toDateString() ? hour : `${day} ${hour}`;
};
export const since = (seconds) => (seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`);
