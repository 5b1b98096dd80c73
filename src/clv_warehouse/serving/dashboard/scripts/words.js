/* How numbers, dates and codes read. */

const isCurrency = /^[A-Z]{3}$/.test(shop.currency ?? "");
const money = (digits, more = {}) =>
  new Intl.NumberFormat("en", {
    ...(isCurrency ? { style: "currency", currency: shop.currency } : {}),
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...more,
  });
const whole = money(0);
const cents = money(2);
/* For sentences: three digits say as much as a forecast knows. */
const rough = money(0, { maximumSignificantDigits: 3 });
const short = money(0, { notation: "compact", maximumFractionDigits: 1 });
const numbers = new Intl.NumberFormat("en");
const share = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });
const finely = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const hundredths = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const decimals = new Intl.NumberFormat("en", {
  minimumFractionDigits: 3,
  maximumFractionDigits: 3,
});
const formats = {
  money: (value) => (Math.abs(value) < 1000 ? cents : whole).format(value),
  count: (value) => numbers.format(value),
  number: (value) => decimals.format(value),
  share: (value) => finely.format(value),
};
const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${share.format(Math.abs(value))}`;
const signedMoney = (value) => `${value < 0 ? "−" : "+"}${cents.format(Math.abs(value))}`;
/* How far off a total is. From a factor of four on nobody needs the figure. */
const offBy = (value) => (value > 3 ? "far too high" : signed(value));
const day = (text) =>
  new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" }).format(
    new Date(`${text}T00:00Z`),
  );
const month = (text) =>
  new Intl.DateTimeFormat("en", { month: "short", year: "numeric", timeZone: "UTC" }).format(
    new Date(`${text}T00:00Z`),
  );
const words = (name) => {
  const text = String(name).replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};
const plural = (count, word) => `${numbers.format(count)} ${word}${count === 1 ? "" : "s"}`;
