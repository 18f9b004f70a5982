// One panel of a dashboard, drawn by the component that Grafana's own panel wraps.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  type DataFrame,
  dateTime,
  getFieldDisplayValues,
  type GrafanaTheme2,
  renderTextPanelMarkdown,
  transformDataFrame,
} from '@grafana/data';
import { BigValue, PanelChrome, TimeSeries, useTheme2 } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import * as React from 'react';
import { firstValueFrom } from 'rxjs';

import { frames, type Present } from './query';
import { fieldOptions } from './registries';

const CELL = 30;
const GAP = 8;

type Drawn = { frames: DataFrame[] } | { error: string };

export function Panel({ panel, present, columns, done }: any) {
  const theme = useTheme2();
  const [drawn, setDrawn] = React.useState<Drawn>();
  React.useEffect(() => {
    draw(panel, present, theme)
      .catch((error) => ({ error: String(error) }))
      .then((result) => {
        setDrawn(result);
        done(panel.id);
      });
  }, []);
  const { x, y, w, h } = panel.gridPos;
  const width = w * columns - GAP;
  const height = h * CELL + (h - 1) * GAP;
  const place = { position: 'absolute', left: x * columns + GAP, top: y * (CELL + GAP), width, height } as const;
  if (panel.type === 'row') {
    return <div style={{ ...place, fontSize: 16, fontWeight: 500, lineHeight: `${CELL}px` }}>⌄ {panel.title}</div>;
  }
  const state = !drawn ? 'waiting' : 'error' in drawn ? 'error' : isEmpty(panel, drawn.frames) ? 'empty' : 'drawn';
  return (
    <div style={place} data-panel={panel.title} data-state={state}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
        {(innerWidth: number, innerHeight: number) =>
          drawn && <Body {...{ panel, present, theme, drawn, width: innerWidth, height: innerHeight }} />
        }
      </PanelChrome>
    </div>
  );
}

function isEmpty(panel: any, data: DataFrame[]): boolean {
  return panel.type !== 'text' && data.every((frame) => frame.length === 0);
}

/** The data of a panel as Grafana hands it to the component: queried, transformed, with its field options applied. */
async function draw(panel: any, present: Present, theme: GrafanaTheme2): Promise<Drawn> {
  const queried = await frames(panel.targets ?? [], present);
  const data = await firstValueFrom(transformDataFrame(panel.transformations ?? [], queried));
  const overridden = applyFieldOverrides({
    data,
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    fieldConfigRegistry: fieldOptions,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(overridden);
  return { frames: overridden };
}

function Body({ panel, present, theme, drawn, width, height }: any) {
  if ('error' in drawn) {
    return <pre>{drawn.error}</pre>;
  }
  const timeRange = {
    from: dateTime(present.from * 1000),
    to: dateTime(present.to * 1000),
    raw: { from: 'now-6h', to: 'now' },
  };
  if (panel.type === 'text') {
    const html = renderTextPanelMarkdown(panel.options.content);
    return <div style={{ paddingLeft: 16 }} dangerouslySetInnerHTML={{ __html: html }} />;
  }
  if (panel.type === 'stat') {
    return <Stat {...{ panel, theme, data: drawn.frames, width, height }} />;
  }
  if (isEmpty(panel, drawn.frames)) {
    return <Empty text={panel.fieldConfig.defaults.noValue} />;
  }
  if (panel.type === 'timeseries') {
    return (
      <TimeSeries
        frames={drawn.frames}
        width={width}
        height={height}
        timeRange={timeRange}
        timeZone="utc"
        legend={panel.options.legend}
        options={panel.options}
      />
    );
  }
  return (
    <TableNG
      data={drawn.frames[0]}
      width={width}
      height={height}
      cellHeight={panel.options.cellHeight}
      sortBy={panel.options.sortBy}
      timeRange={timeRange}
      fieldConfig={panel.fieldConfig}
      enableVirtualization={false}
    />
  );
}

function Stat({ panel, theme, data, width, height }: any) {
  const { reduceOptions, colorMode, graphMode, justifyMode, textMode } = panel.options;
  const [value] = getFieldDisplayValues({
    data,
    fieldConfig: panel.fieldConfig,
    reduceOptions,
    replaceVariables: (text) => text,
    sparkline: graphMode !== 'none',
    theme,
    timeZone: 'utc',
  });
  return (
    <BigValue
      value={{ ...value.display, title: undefined }}
      sparkline={value.sparkline}
      {...{ width, height, colorMode, graphMode, justifyMode, textMode, theme }}
    />
  );
}

function Empty({ text }: { text: string }) {
  const style = { height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center', padding: 16 };
  return <div style={style}>{text}</div>;
}
