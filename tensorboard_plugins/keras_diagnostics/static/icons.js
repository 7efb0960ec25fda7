/** The paths of our icons, in a box of 24 by 24. */

export const ICONS = {
  error: "M12 2 22 12 12 22 2 12zm-1 5v6h2V7zm0 8v2h2v-2z",
  warning: "M12 2 23 21H1zm-1 7v6h2V9zm0 8v2h2v-2z",
  info: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1 5h2v2h-2zm0 4h2v6h-2z",
  good: "M9.5 18.5 3 12l1.8-1.8 4.7 4.7 9.7-9.7L21 7z",
  wide: "M3 5h18v2H3zm0 12h18v2H3zm4-6h10v2H7zM3 12l4-3v6zm18 0-4-3v6z",
  image: "M4 4h16v16H4zm2 2v8l3.5-3.5L13 14l2-2 3 3V6zm8.5 1.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3z",
  download: "M11 3h2v9l3.5-3.5L18 10l-6 6-6-6 1.5-1.5L11 12zM4 18h16v2H4z",
  down: "M6 9h12l-6 7z",
  close: "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12 19 17.6 17.6 19 12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z",
  up: "M6 16h12l-6-7z",
};
