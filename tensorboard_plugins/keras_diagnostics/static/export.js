/** Saves what is shown as files. */

import { colour } from "./theme.js";
import { element } from "./dom.js";

/**
 * Saves charts as one picture, below each other.
 *
 * @param {Array<Chart>} charts
 * @param {Array<string>} titles One for each chart.
 * @param {string} name Of the file, without its ending.
 */
export async function savePicture(charts, titles, name) {
  const background = colour("card");
  const addresses = [];
  for (const [at, chart] of charts.entries()) {
    addresses.push(await chart.picture(background, titles[at]));
  }
  const pictures = await Promise.all(addresses.map(loadImage));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(...pictures.map(({ width }) => width));
  canvas.height = pictures.reduce((sum, { height }) => sum + height, 0);
  const pen = canvas.getContext("2d");
  pen.fillStyle = background;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  let top = 0;
  for (const picture of pictures) {
    pen.drawImage(picture, 0, top);
    top += picture.height;
  }
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  saveBlob(blob, `${name}.png`);
}

function saveBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = element("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function loadImage(address) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("The picture could not be made."));
    image.src = address;
  });
}
