// A dashboard as a page: title, variables, panels on Grafana's grid. `window.drawing` says what to draw.
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import { createTheme, ThemeContext } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

import { Panel } from './panel';
import type { Present } from './query';
import { register } from './registries';

declare global {
  interface Window {
    drawing: Present & { dashboard: any };
    drawn: boolean;
    __grafana_public_path__: string;
  }
}

const MARGIN = 8;

function Page() {
  const { dashboard, ...present } = window.drawing;
  const panels = dashboard.panels as any[];
  const waiting = React.useRef(new Set(panels.map(({ id }) => id)));
  const done = (id: number) => {
    waiting.current.delete(id);
    window.drawn = waiting.current.size === 0;
  };
  const bottom = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h)) * 38;
  const columns = (window.innerWidth - MARGIN) / 24;
  return (
    <>
      <Head dashboard={dashboard} present={present} />
      <div style={{ position: 'relative', height: bottom + MARGIN }}>
        {panels.map((panel) => (
          <Panel key={panel.id} {...{ panel, present, columns, done }} />
        ))}
      </div>
      <PortalContainer />
    </>
  );
}

function Head({ dashboard, present }: any) {
  const chip = { border: '1px solid #ffffff33', borderRadius: 2, padding: '4px 8px' };
  const clock = (at: number) => new Date(at * 1000).toISOString().slice(0, 16).replace('T', ' ');
  return (
    <div style={{ display: 'flex', gap: 16, alignItems: 'center', padding: '12px 16px', whiteSpace: 'nowrap' }}>
      <span style={{ fontSize: 20, fontWeight: 500 }}>{dashboard.title}</span>
      {dashboard.templating.list.map(({ name, label, type, query }: any) => (
        <span key={name}>
          {label} <span style={chip}>{type === 'datasource' ? query : (present.selected[name] ?? 'All')}</span>
        </span>
      ))}
      <span style={{ flexGrow: 1 }} />
      {dashboard.links.map(({ title }: any) => (
        <span key={title} style={chip}>
          {title}
        </span>
      ))}
      <span style={chip}>
        {clock(present.from)} to {clock(present.to).slice(11)} UTC
      </span>
    </div>
  );
}

window.__grafana_public_path__ = '/public/';
register();
const theme = createTheme({ colors: { mode: 'dark' } });
document.body.style.background = theme.colors.background.canvas;
document.body.style.margin = '0';
createRoot(document.getElementById('page')!).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <Page />
  </ThemeContext.Provider>
);
