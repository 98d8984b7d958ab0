// A 60 MiB upload through the demo page in a real browser: interrupted by closing the page, resumed after a reload without
// sending a finished part again, and confirmed. Prints one line of JSON about what happened.

import { createRequire } from "node:module";
import { join } from "node:path";

const { CHROMIUM, CLIENTS_NODE, ENDPOINT, FILE, PROJECT_KEY, SHOTS } = process.env;
const { chromium } = createRequire(join(CLIENTS_NODE, "package.json"))("playwright-core");

/** Parts that must have arrived before the page is closed. */
const PARTS_BEFORE = 4;
/** Bytes a second that the page may send, so that there is a middle to close it in. */
const THROUGHPUT = 30 * 1024 * 1024;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 900, height: 700 } });

async function open() {
  const page = await context.newPage();
  const seen = { puts: [], arrived: [], progress: [], errors: [] };
  const part = (url) => Number(new URL(url).searchParams.get("partNumber"));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (line) => line.type() === "error" && seen.errors.push(line.text()));
  page.on("request", (request) => request.method() === "PUT" && seen.puts.push(part(request.url())));
  page.on("response", (answer) => {
    if (answer.request().method() === "PUT" && answer.ok()) seen.arrived.push(part(answer.url()));
  });
  const network = await context.newCDPSession(page);
  await network.send("Network.emulateNetworkConditions", {
    offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: THROUGHPUT,
  });
  await page.goto(`${ENDPOINT}/-/demo`);
  await page.fill("#key", PROJECT_KEY);
  await page.fill("#route", "files");
  await page.setInputFiles("#file", FILE);
  await page.click("text=Upload >> nth=-1");
  return { page, seen };
}

const progress = (page) => page.$eval("#bar", (bar) => bar.value);

const first = await open();
while (first.seen.arrived.length < PARTS_BEFORE) {
  first.seen.progress.push(await progress(first.page));
  await new Promise((resolve) => first.page.once("response", resolve));
}
await first.page.screenshot({ path: join(SHOTS, "interrupted.png") });
const before = [...first.seen.arrived];
const reached = await progress(first.page);
await first.page.close();

const second = await open();
await second.page.waitForFunction(() => document.querySelector("#result").textContent !== "", null, { timeout: 120_000 });
await second.page.screenshot({ path: join(SHOTS, "done.png") });
const result = await second.page.textContent("#result");
const state = await second.page.textContent("#state");
const told = { begun: first.seen.puts, before, reached, again: second.seen.puts, result, state, ended: await progress(second.page),
  errors: [...first.seen.errors, ...second.seen.errors] };
console.log(JSON.stringify(told));
await browser.close();
