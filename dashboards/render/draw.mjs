// node draw.mjs '{"prometheus": URL, "from": s, "to": s, "chromium": PATH, "out": DIR, "dashboards": {FILE: CHOICES}}'
// where CHOICES are values of its variables, such as {"workload": "codegen"}; all of the others are selected.
// Draws each dashboard into OUT/<name>.png and prints what became of each panel, as JSON.
import { build } from 'esbuild';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';

const WIDTH = 1600;
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const PAGE = '<!doctype html><link rel="stylesheet" href="/page.css"><div id="page"></div><script src="/page.js"></script>';

const { prometheus, from, to, chromium: executablePath, out, dashboards } = JSON.parse(process.argv[2]);
const here = import.meta.dirname;
const dist = path.join(here, 'dist');
const grafana = path.join(here, 'node_modules/@grafana/ui/dist');

await build({
  entryPoints: [path.join(here, 'src/page.tsx')],
  bundle: true,
  outdir: dist,
  jsx: 'automatic',
  logLevel: 'error',
  define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
  loader: { '.ttf': 'file', '.woff': 'file', '.woff2': 'file' },
});

const server = http.createServer((request, response) => {
  const name = new URL(request.url, 'http://localhost').pathname;
  if (name === '/') {
    return response.setHeader('content-type', 'text/html; charset=utf-8').end(PAGE);
  }
  const root = name.startsWith('/public/') ? grafana : dist;
  const file = path.join(root, path.normalize(name));
  if (!fs.existsSync(file)) {
    return response.writeHead(404).end();
  }
  response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
  fs.createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const report = {};
for (const [file, selected] of Object.entries(dashboards)) {
  const name = path.basename(file, '.json');
  const dashboard = JSON.parse(fs.readFileSync(file));
  const height = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * 38 + 72;
  const page = await browser.newPage({ viewport: { width: WIDTH, height } });
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.addInitScript((drawing) => (window.drawing = drawing), { dashboard, prometheus, from, to, selected });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => window.drawn, null, { timeout: 30_000 }).catch((late) => errors.push(String(late)));
  await page.evaluate(() => document.fonts.ready);
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: path.join(out, `${name}.png`) });
  const panels = await page.$$eval('[data-panel]', (drawn) =>
    drawn.map((panel) => ({
      title: panel.dataset.panel,
      state: panel.dataset.state,
      canvases: panel.querySelectorAll('canvas').length,
      text: panel.innerText.split('\n').slice(1).join(' '),
    }))
  );
  report[name] = { panels, errors };
  await page.close();
}
await browser.close();
server.close();
console.log(JSON.stringify(report));
